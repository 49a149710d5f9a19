/** The level of a recording's background: the softest moment of the last eight seconds. */

import { LEAST_LEVEL_DB } from './energy-speech-band.ts';

/** Batches of 1.024 s that are remembered: nobody speaks so long without a pause. */
const BATCHES = 8;
/** Frames of a moment: 96 ms. A single frame of noise is softer than the noise by chance. */
const MOMENT_FRAMES = 3;

/** Minimum statistics (Martin, 2001): falls at once, rises when the last softer batch is forgotten. */
export class NoiseFloor {
  // [8] f32: the softest moment of each batch, in dB
  readonly #softest = new Float32Array(BATCHES).fill(Number.POSITIVE_INFINITY);
  #next = 0;

  /**
   * Answers the floor in dB with this batch taken into account.
   *
   * @param levels [nFrames] f32, dB.
   */
  update(levels: Float32Array): number {
    this.#softest[this.#next] = softestMoment(levels);
    this.#next = (this.#next + 1) % BATCHES;
    let floor = Number.POSITIVE_INFINITY;
    for (const softest of this.#softest) floor = Math.min(floor, softest);
    return floor;
  }
}

/**
 * Digital silence at the end of a batch may be the end of the recording, and says nothing: where it
 * goes on, the next batch tells. Infinity where nothing else is there.
 */
function softestMoment(levels: Float32Array): number {
  let end = levels.length;
  while (end > 0 && isSilent(levels[end - 1] ?? 0)) end--;
  if (end === 0) return LEAST_LEVEL_DB;
  let softest = Number.POSITIVE_INFINITY;
  for (let from = 0; from + MOMENT_FRAMES <= end; from++) {
    let sum = 0;
    for (let i = from; i < from + MOMENT_FRAMES; i++) sum += levels[i] ?? 0;
    softest = Math.min(softest, sum / MOMENT_FRAMES);
  }
  return softest;
}

function isSilent(level: number): boolean {
  return level < LEAST_LEVEL_DB + 1;
}
