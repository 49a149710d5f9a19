/** Measures several subjects in turn, round by round, so that all share the machine's bad moments. */

const NS_PER_MS = 1e6;

export interface Subject {
  readonly name: string;
  /** Operations per sample: many where one is shorter than the clock can tell. */
  readonly batch: number;
  /** Does that many operations. */
  run(batch: number): void | Promise<void>;
}

/** Nanoseconds per operation. With a batch above 1, of means of a batch. */
export interface Figures {
  readonly mean: number;
  readonly deviation: number;
  readonly median: number;
  readonly p99: number;
}

/** The figures of each subject by its name, after a tenth as many rounds to warm up. */
export async function measure(
  rounds: number,
  subjects: readonly Subject[],
): Promise<(name: string) => Figures> {
  const samples = new Map<string, number[]>(subjects.map(({ name }) => [name, []]));
  for (let round = -rounds / 10; round < rounds; round++) {
    for (const { name, batch, run } of subjects) {
      const startMs = performance.now();
      await run(batch);
      const ns = ((performance.now() - startMs) * NS_PER_MS) / batch;
      if (round >= 0) samples.get(name)?.push(ns);
    }
  }
  return (name) => figuresOf(samples.get(name) ?? []);
}

export function figuresOf(samples: readonly number[]): Figures {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(share * sorted.length)] ?? Number.NaN;
  const mean = sorted.reduce((sum, x) => sum + x, 0) / sorted.length;
  const variance = sorted.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (sorted.length - 1);
  return { mean, deviation: Math.sqrt(variance), median: at(0.5), p99: at(0.99) };
}
