/**
 * Runs the decoder for all lanes of a model: steps that are asked for while another run is under
 * way become one run together, whatever windows and recordings they belong to.
 *
 * ```
 * lane 1  ─step─┐         ┌─step─┐
 * lane 2  ─step─┼─ run ──▶┼─step─┼─ run ──▶
 * lane 3        │  step───┘      │
 *               └ the weights are read once for all rows of a run
 * ```
 */

import { abortedError } from '../inference/inference-errors.ts';
import type { Binding, InferenceSession, Tensor } from '../inference/inference-port.ts';
import { type RowLane, RowRun } from './row-run.ts';

export interface DecoderSessions {
  readonly crossAttention: InferenceSession;
  /** Any number of tokens of one lane. */
  readonly sequence: InferenceSession;
  /** One token of each of as many lanes as it has rows. */
  readonly rows: InferenceSession;
}

/** Combinations of lanes whose bindings are kept. */
const MAX_ROW_RUNS = 32;

interface Step {
  readonly lane: RowLane;
  readonly token: number;
  readonly position: number;
  readonly signal: AbortSignal;
  resolve(): void;
  reject(error: unknown): void;
}

export class LaneRuns implements Disposable {
  readonly sessions: DecoderSessions;
  readonly #nRows: number;
  /** [nRows, vocabSize] f32, of the run that ended last: there is one at a time. */
  readonly #logits: Tensor;
  /** By row. */
  readonly #rowLogits: readonly Float32Array[];
  readonly #waiting: Step[] = [];
  /** By the lanes of the rows, the least recently used first. */
  readonly #rowRuns = new Map<string, RowRun>();
  readonly #laneNumbers = new Map<RowLane, number>();
  #isRunning = false;

  constructor(sessions: DecoderSessions, vocabSize: number) {
    this.sessions = sessions;
    this.#nRows = sessions.rows.inputs.find(({ name }) => name === 'tokens')?.shape[0] ?? 1;
    const logits = new Float32Array(this.#nRows * vocabSize);
    this.#logits = { data: logits, shape: [this.#nRows, vocabSize] };
    this.#rowLogits = Array.from({ length: this.#nRows }, (_, row) =>
      logits.subarray(row * vocabSize, (row + 1) * vocabSize),
    );
  }

  /** A run that no other lane can join. */
  alone(binding: Binding, signal: AbortSignal): Promise<void> {
    return binding.run({ signal });
  }

  step(lane: RowLane, token: number, position: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ lane, token, position, signal, resolve, reject });
      if (!this.#isRunning) this.#runSoon();
    });
  }

  /** After the lanes that were just served had their turn to ask for their next step. */
  #runSoon(): void {
    this.#isRunning = true;
    setImmediate(() => void this.#run());
  }

  async #run(): Promise<void> {
    const steps = this.#waiting.splice(0, this.#nRows);
    try {
      if (steps.length > 1) await this.#runTogether(steps);
      else if (steps[0] !== undefined) await runAlone(steps[0]);
      for (const step of steps) settle(step);
    } catch (error) {
      for (const step of steps) step.reject(error);
    }
    if (this.#waiting.length > 0) this.#runSoon();
    else this.#isRunning = false;
  }

  async #runTogether(steps: Step[]): Promise<void> {
    steps.sort((a, b) => this.#numberOf(a.lane) - this.#numberOf(b.lane));
    await this.#rowRunOf(steps).run(steps, commonSignal(steps));
    for (const [row, { lane }] of steps.entries()) {
      const logits = this.#rowLogits[row];
      if (logits !== undefined) lane.logits.set(logits);
    }
  }

  #rowRunOf(steps: readonly Step[]): RowRun {
    let key = '';
    for (const { lane } of steps) key += `${this.#numberOf(lane)}:${this.#numberOf(lane.window)} `;
    let run = this.#rowRuns.get(key);
    this.#rowRuns.delete(key);
    run ??= new RowRun(
      this.sessions.rows,
      steps.map(({ lane }) => lane),
      this.#logits,
    );
    this.#rowRuns.set(key, run);
    if (this.#rowRuns.size > MAX_ROW_RUNS) this.#dropOldest();
    return run;
  }

  #dropOldest(): void {
    for (const [key, run] of this.#rowRuns) {
      run[Symbol.dispose]();
      this.#rowRuns.delete(key);
      return;
    }
  }

  #numberOf(lane: RowLane): number {
    const known = this.#laneNumbers.get(lane) ?? this.#laneNumbers.size;
    this.#laneNumbers.set(lane, known);
    return known;
  }

  [Symbol.dispose](): void {
    for (const run of this.#rowRuns.values()) run[Symbol.dispose]();
    this.#rowRuns.clear();
  }
}

async function runAlone({ lane, token, position, signal }: Step): Promise<void> {
  await lane.stepBinding(token, position).run({ signal });
}

/** One recording that is canceled must not stop the run of another. */
function commonSignal(steps: readonly Step[]): AbortSignal | undefined {
  const first = steps[0]?.signal;
  return steps.every(({ signal }) => signal === first) ? first : undefined;
}

function settle({ signal, resolve, reject }: Step): void {
  if (!signal.aborted) resolve();
  else reject(abortedError(signal));
}
