/** Finds sound that stays as loud as it is: noise and hum, whatever their level. */

import { VAD_BATCH_FRAMES } from './voice-activity-detector.ts';

/**
 * Within half a second the level of noise moves by 1 dB (white) to 3 dB (brown), that of speech by 10
 * and more. A vowel may be as steady for a while, which parts nothing: pauses are longer.
 */
const STEADY_DB = 4;
const STEADY_FRAMES = 16;
/** Where the batch ends, beyond which nobody can look yet: fewer than the least speech. */
const STEADY_FRAMES_AT_END = 4;
/** Frames before a batch that may begin a stretch which ends in it. */
const FRAMES_BEFORE = STEADY_FRAMES - 1;

export class Steadiness {
  // [15 + 32] f32, dB: the end of the batch before, then the batch
  readonly #levels = new Float32Array(FRAMES_BEFORE + VAD_BATCH_FRAMES);
  // [15 + 32] u8
  readonly #isSteady = new Uint8Array(FRAMES_BEFORE + VAD_BATCH_FRAMES);
  #isFirst = true;

  /**
   * Takes the next batch.
   *
   * @param levels [32] f32, dB.
   */
  update(levels: Float32Array): void {
    this.#levels.copyWithin(0, VAD_BATCH_FRAMES);
    this.#levels.set(levels, FRAMES_BEFORE);
    // What a recording begins with is taken to have gone on before.
    if (this.#isFirst) this.#levels.fill(levels[0] ?? 0, 0, FRAMES_BEFORE);
    this.#isFirst = false;
    this.#isSteady.fill(0);
    for (let from = 0; from < this.#levels.length; from++) {
      const to = this.#endOfStretch(from);
      const isAtEnd = to === this.#levels.length;
      const least = isAtEnd ? STEADY_FRAMES_AT_END : STEADY_FRAMES;
      if (to - from >= least) this.#isSteady.fill(1, from, to);
    }
  }

  /** Whether a frame of the last batch is part of a steady stretch. */
  isSteady(frame: number): boolean {
    return this.#isSteady[FRAMES_BEFORE + frame] === 1;
  }

  /** Where the levels from `from` on first differ by more than {@link STEADY_DB}. */
  #endOfStretch(from: number): number {
    let least = Number.POSITIVE_INFINITY;
    let greatest = Number.NEGATIVE_INFINITY;
    for (let i = from; i < this.#levels.length; i++) {
      const level = this.#levels[i] ?? 0;
      least = Math.min(least, level);
      greatest = Math.max(greatest, level);
      if (greatest - least > STEADY_DB) return i;
    }
    return this.#levels.length;
  }
}
