/** Finds sound that stays as it is: noise and hum, whatever their level. */

import { VAD_BATCH_FRAMES } from './voice-activity-detector.ts';

/**
 * Noise has no pitch, and its level moves by 1 dB (white) to 3 dB (brown) within half a second. A
 * voice has a pitch wherever it holds its level: correlations are near 1 there, and 0.2 in noise.
 */
const NOISE_DB = 4;
const NOISE_PITCH = 0.6;
/** Hum has a pitch, and is steadier than any voice. */
const HUM_DB = 1;
const STEADY_FRAMES = 16;
/** Where the batch ends, beyond which nobody can look yet: fewer than the least speech. */
const STEADY_FRAMES_AT_END = 4;
/** Frames before a batch that may begin a stretch which ends in it. */
const FRAMES_BEFORE = STEADY_FRAMES - 1;
const N_FRAMES = FRAMES_BEFORE + VAD_BATCH_FRAMES;

export class Steadiness {
  // Each [15 + 32]: the end of the batch before, then the batch.
  // f32, dB
  readonly #levels = new Float32Array(N_FRAMES);
  // f32, greatest correlation
  readonly #pitch = new Float32Array(N_FRAMES);
  // u8
  readonly #isSteady = new Uint8Array(N_FRAMES);
  #isFirst = true;

  /**
   * Takes the next batch.
   *
   * @param levels [32] f32, dB.
   * @param pitch [32] f32, strength of the pitch, at most 1.
   */
  update(levels: Float32Array, pitch: Float32Array): void {
    append(this.#levels, levels, this.#isFirst);
    append(this.#pitch, pitch, this.#isFirst);
    this.#isFirst = false;
    this.#isSteady.fill(0);
    for (let from = 0; from < N_FRAMES; from++) {
      this.#mark(from, this.#endOfStretch(from, NOISE_DB), NOISE_PITCH);
      this.#mark(from, this.#endOfStretch(from, HUM_DB), Number.POSITIVE_INFINITY);
    }
  }

  /** Whether a frame of the last batch is part of a steady stretch. */
  isSteady(frame: number): boolean {
    return this.#isSteady[FRAMES_BEFORE + frame] === 1;
  }

  #mark(from: number, to: number, maxPitch: number): void {
    if (to - from < (to === N_FRAMES ? STEADY_FRAMES_AT_END : STEADY_FRAMES)) return;
    let sum = 0;
    for (let i = from; i < to; i++) sum += this.#pitch[i] ?? 0;
    if (sum / (to - from) < maxPitch) this.#isSteady.fill(1, from, to);
  }

  /** Where the levels from `from` on first differ by more than `maxDb`. */
  #endOfStretch(from: number, maxDb: number): number {
    let least = Number.POSITIVE_INFINITY;
    let greatest = Number.NEGATIVE_INFINITY;
    for (let i = from; i < N_FRAMES; i++) {
      const level = this.#levels[i] ?? 0;
      least = Math.min(least, level);
      greatest = Math.max(greatest, level);
      if (greatest - least > maxDb) return i;
    }
    return N_FRAMES;
  }
}

/** What a recording begins with is taken to have gone on before. */
function append(all: Float32Array, batch: Float32Array, isFirst: boolean): void {
  if (isFirst) all.fill(batch[0] ?? 0, 0, FRAMES_BEFORE);
  else all.copyWithin(0, VAD_BATCH_FRAMES);
  all.set(batch, FRAMES_BEFORE);
}
