/** The level of a recording's background: the softest moment of the last eight seconds. */

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

function softestMoment(levels: Float32Array): number {
  let softest = Number.POSITIVE_INFINITY;
  for (let from = 0; from + MOMENT_FRAMES <= levels.length; from++) {
    let sum = 0;
    for (let i = from; i < from + MOMENT_FRAMES; i++) sum += levels[i] ?? 0;
    softest = Math.min(softest, sum / MOMENT_FRAMES);
  }
  return softest;
}
