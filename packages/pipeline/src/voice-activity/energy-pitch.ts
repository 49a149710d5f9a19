/** How strongly each frame repeats itself at the pitch of a voice: near 1 in vowels, low in noise. */

import { SAMPLE_RATE_HZ } from '../hyperparameters.ts';
import { VAD_BATCH_SAMPLES, VAD_FRAME_SAMPLES } from './voice-activity-detector.ts';

/** Pitch lies far below what 4 kHz can hold. */
const DECIMATION = 4;
const LOW_RATE_HZ = SAMPLE_RATE_HZ / DECIMATION;
const LOW_FRAME_SAMPLES = VAD_FRAME_SAMPLES / DECIMATION; // 128
const LOW_BATCH_SAMPLES = VAD_BATCH_SAMPLES / DECIMATION; // 4,096
/** Voices from 80 to 400 Hz. */
const SHORTEST_LAG = LOW_RATE_HZ / 400; // 10
const LONGEST_LAG = LOW_RATE_HZ / 80; // 50
/** Of a filter of first order that takes out what is slower than about 70 Hz. */
const HIGH_PASS_POLE = 0.9;
const LEAST_POWER = 1e-9;

export class PitchStrength {
  // [50 + 4096] f32 at 4 kHz: the end of the batch before, then the batch
  readonly #low = new Float32Array(LONGEST_LAG + LOW_BATCH_SAMPLES);
  #lastMean = 0;
  #lastPassed = 0;

  /**
   * Takes the next batch.
   *
   * @param pcm [16384] f32.
   * @param out [32] f32, written: the greatest correlation with what lies 2.5 to 12.5 ms before.
   */
  update(pcm: Float32Array, out: Float32Array): void {
    this.#low.copyWithin(0, LOW_BATCH_SAMPLES);
    this.#decimate(pcm);
    for (let frame = 0; frame < out.length; frame++) {
      const from = LONGEST_LAG + frame * LOW_FRAME_SAMPLES;
      let greatest = 0;
      for (let lag = SHORTEST_LAG; lag <= LONGEST_LAG; lag++) {
        greatest = Math.max(greatest, this.#correlation(from, lag));
      }
      out[frame] = greatest;
    }
  }

  #decimate(pcm: Float32Array): void {
    for (let i = 0; i < LOW_BATCH_SAMPLES; i++) {
      let sum = 0;
      for (let j = 0; j < DECIMATION; j++) sum += pcm[i * DECIMATION + j] ?? 0;
      const mean = sum / DECIMATION;
      this.#lastPassed = mean - this.#lastMean + HIGH_PASS_POLE * this.#lastPassed;
      this.#lastMean = mean;
      this.#low[LONGEST_LAG + i] = this.#lastPassed;
    }
  }

  /** Of the frame that begins at `from` with as many samples `lag` before: -1 to 1. */
  #correlation(from: number, lag: number): number {
    let product = 0;
    let power = 0;
    let powerBefore = 0;
    for (let i = from; i < from + LOW_FRAME_SAMPLES; i++) {
      const now = this.#low[i] ?? 0;
      const before = this.#low[i - lag] ?? 0;
      product += now * before;
      power += now * now;
      powerBefore += before * before;
    }
    return product / (Math.sqrt(power * powerBefore) + LEAST_POWER);
  }
}
