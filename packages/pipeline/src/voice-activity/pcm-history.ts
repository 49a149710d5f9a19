/** The last samples of a recording that is being read, in a ring of batches. */

import { VAD_BATCH_SAMPLES } from './voice-activity-detector.ts';

/**
 * ```
 * batch      0   1   2   3
 *          [ 8 | 5 | 6 | 7 ]      the next is written over the oldest, 5
 * ```
 *
 * The source writes into the ring and the detector reads there: nothing is copied until it is
 * known to be kept.
 */
export class PcmHistory {
  // each [16384] f32, over one piece of memory
  readonly #batches: readonly Float32Array[];
  #nSamples = 0;

  /** @param capacitySamples that can be read besides the batch that is being written. */
  constructor(capacitySamples: number) {
    const nBatches = Math.ceil(capacitySamples / VAD_BATCH_SAMPLES) + 1;
    const memory = new Float32Array(nBatches * VAD_BATCH_SAMPLES);
    this.#batches = Array.from({ length: nBatches }, (_, i) =>
      memory.subarray(i * VAD_BATCH_SAMPLES, (i + 1) * VAD_BATCH_SAMPLES),
    );
  }

  /** Samples since the start of the recording. */
  get nSamples(): number {
    return this.#nSamples;
  }

  /** [16384] f32: where the next batch belongs. */
  get next(): Float32Array {
    return this.#batchOf(this.#nSamples);
  }

  /** `nSamples` were written to {@link next}: all of it, but for the last time. */
  commit(nSamples: number): void {
    this.#nSamples += nSamples;
  }

  /**
   * Copies the samples [from, to) of the recording to `out`, from its element `at` on.
   *
   * @throws RangeError when they are not there yet or not there any more.
   */
  copy(from: number, to: number, out: Float32Array, at: number): void {
    const newest = Math.ceil(this.#nSamples / VAD_BATCH_SAMPLES);
    const oldest = newest - this.#batches.length;
    if (to > this.#nSamples || Math.floor(from / VAD_BATCH_SAMPLES) < oldest) {
      throw new RangeError(`samples ${from} to ${to} of ${this.#nSamples} are not remembered`);
    }
    for (let sample = from; sample < to; ) {
      const batch = this.#batchOf(sample);
      const first = sample % VAD_BATCH_SAMPLES;
      const count = Math.min(VAD_BATCH_SAMPLES - first, to - sample);
      const target = at + sample - from;
      // An element at a time: a view of a part would be an allocation.
      for (let i = 0; i < count; i++) out[target + i] = batch[first + i] ?? 0;
      sample += count;
    }
  }

  #batchOf(sample: number): Float32Array {
    const index = Math.floor(sample / VAD_BATCH_SAMPLES) % this.#batches.length;
    const batch = this.#batches[index];
    if (batch === undefined) throw new RangeError(`no sample ${sample}`);
    return batch;
  }
}
