/** The memory in which tokens are aligned with audio: allocated once, lent to one recording at a time. */

import type { HeadStatistics } from '../kernels/attention-costs.ts';
import { MAX_TOKENS } from '../kernels/attention-costs.ts';
import type { DtwState } from '../kernels/dtw.ts';
import { KernelError } from '../kernels/kernel-error.ts';
import { paddedLength } from '../kernels/median-filter.ts';

export interface AlignmentMemory {
  readonly maxTokens: number;
  readonly maxColumns: number;
  readonly statistics: HeadStatistics;
  /** [paddedLength(maxColumns)] i32 */
  readonly row: Int32Array;
  /** [maxColumns + 1] i32 */
  readonly medians: Int32Array;
  /** [maxTokens, maxColumns] f32, fewer columns where less audio is aligned. */
  readonly costs: Float32Array;
  readonly dtw: DtwState;
  /** [maxTokens] i32: what alignment is for, the column at which each token begins. */
  readonly firstColumns: Int32Array;
}

/** Disposing it lets the next recording have the memory. */
export interface AlignmentLease extends AlignmentMemory, Disposable {}

export class AlignmentScratch {
  readonly #memory: AlignmentMemory;
  /** Settled when the last lease that was asked for has ended. */
  #free: Promise<void> = Promise.resolve();

  /**
   * @param maxTokens tokens that a decoder may hold: 448.
   * @param maxColumns hidden states of a window: 1,500. With 448 tokens it takes 3,413,416 bytes.
   * @throws KernelError `invalid_buffer` beyond 1,024 tokens.
   */
  constructor(maxTokens: number, maxColumns: number) {
    if (maxTokens > MAX_TOKENS) {
      throw new KernelError(`${maxTokens} tokens are more than ${MAX_TOKENS}`);
    }
    this.#memory = {
      maxTokens,
      maxColumns,
      statistics: {
        rowScales: new Float64Array(maxTokens),
        means: new Float64Array(maxColumns),
        inverseDeviations: new Float64Array(maxColumns),
      },
      row: new Int32Array(paddedLength(maxColumns)),
      medians: new Int32Array(maxColumns + 1),
      costs: new Float32Array(maxTokens * maxColumns),
      dtw: {
        totals: new Float64Array(maxColumns + 1),
        steps: new Uint8Array(maxTokens * maxColumns),
      },
      firstColumns: new Int32Array(maxTokens),
    };
  }

  get bytes(): number {
    const { statistics, row, medians, costs, dtw, firstColumns } = this.#memory;
    return [...Object.values(statistics), row, medians, costs, ...Object.values(dtw), firstColumns]
      .map(({ byteLength }) => byteLength)
      .reduce((sum, bytes) => sum + bytes, 0);
  }

  /**
   * Waits, first come first served, until no other recording is being aligned, which takes a tenth
   * of a second at the most.
   *
   * @throws the signal's reason when it fires meanwhile.
   */
  async acquire(signal: AbortSignal): Promise<AlignmentLease> {
    const earlier = this.#free;
    let release = (): void => {};
    const ended = new Promise<void>((resolve) => {
      release = resolve;
    });
    this.#free = earlier.then(() => ended);
    try {
      await unlessAborted(earlier, signal);
    } catch (error) {
      release();
      throw error;
    }
    return { ...this.#memory, [Symbol.dispose]: release };
  }
}

async function unlessAborted(wait: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    await Promise.race([wait, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
