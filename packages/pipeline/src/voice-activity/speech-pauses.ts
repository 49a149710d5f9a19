/** Where a span of speech that is too long is cut best. */

import { VAD_FRAME_SAMPLES } from './voice-activity-detector.ts';

/** Remembers the probabilities of the last frames. */
export class SpeechPauses {
  // [capacity] f32: frame i lies at i mod capacity
  readonly #probabilities: Float32Array;
  readonly #negativeThreshold: number;

  constructor(capacityFrames: number, negativeThreshold: number) {
    this.#probabilities = new Float32Array(capacityFrames);
    this.#negativeThreshold = negativeThreshold;
  }

  put(frame: number, probability: number): void {
    this.#probabilities[frame % this.#probabilities.length] = probability;
  }

  /**
   * The middle, in samples, of the longest pause among the frames [from, to), the last of those that
   * are as long; where speech never pauses, of the frame that is least likely speech.
   */
  bestCut(from: number, to: number): number {
    let cut = 0;
    let longest = 0;
    let pauseStart = from;
    let least = Number.POSITIVE_INFINITY;
    let leastFrame = from;
    for (let frame = from; frame < to; frame++) {
      const probability = this.#at(frame);
      if (probability <= least) {
        least = probability;
        leastFrame = frame;
      }
      if (probability >= this.#negativeThreshold) pauseStart = frame + 1;
      else if (frame + 1 - pauseStart >= longest) {
        longest = frame + 1 - pauseStart;
        cut = ((pauseStart + frame + 1) / 2) * VAD_FRAME_SAMPLES;
      }
    }
    return longest > 0 ? cut : (leastFrame + 0.5) * VAD_FRAME_SAMPLES;
  }

  #at(frame: number): number {
    return this.#probabilities[frame % this.#probabilities.length] ?? 0;
  }
}
