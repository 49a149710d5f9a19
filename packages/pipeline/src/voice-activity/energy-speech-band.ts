/** How loud each frame is in the band of the telephone, where speech has most of its energy. */

import { SAMPLE_RATE_HZ } from '../hyperparameters.ts';
import { VAD_FRAME_SAMPLES } from './voice-activity-detector.ts';

const LOW_HZ = 300;
const HIGH_HZ = 3_400;
/** Level of digital silence, instead of -Infinity. */
export const LEAST_LEVEL_DB = -100;
const LEAST_POWER = 10 ** (LEAST_LEVEL_DB / 10);

const CENTRE_HZ = Math.sqrt(LOW_HZ * HIGH_HZ);
const ANGLE = (2 * Math.PI * CENTRE_HZ) / SAMPLE_RATE_HZ;
const ALPHA = Math.sin(ANGLE) / (2 * (CENTRE_HZ / (HIGH_HZ - LOW_HZ)));
/** Band-pass of second order with 0 dB in its middle (Bristow-Johnson, Audio EQ Cookbook). */
const B0 = ALPHA / (1 + ALPHA);
const A1 = (-2 * Math.cos(ANGLE)) / (1 + ALPHA);
const A2 = (1 - ALPHA) / (1 + ALPHA);

/** A filter that remembers the two samples before. */
export class SpeechBand {
  #x1 = 0;
  #x2 = 0;
  #y1 = 0;
  #y2 = 0;

  /**
   * @param pcm [nFrames * 512] f32, following what was given before.
   * @param out [nFrames] f32, written: mean power in dB of full scale, at least -100.
   */
  levels(pcm: Float32Array, out: Float32Array): void {
    for (let frame = 0; frame < out.length; frame++) {
      out[frame] = 10 * Math.log10(this.#meanPower(pcm, frame * VAD_FRAME_SAMPLES) + LEAST_POWER);
    }
  }

  #meanPower(pcm: Float32Array, from: number): number {
    let x1 = this.#x1;
    let x2 = this.#x2;
    let y1 = this.#y1;
    let y2 = this.#y2;
    let sum = 0;
    for (let i = from; i < from + VAD_FRAME_SAMPLES; i++) {
      const x = pcm[i] ?? 0;
      const y = B0 * (x - x2) - A1 * y1 - A2 * y2;
      x2 = x1;
      x1 = x;
      y2 = y1;
      y1 = y;
      sum += y * y;
    }
    this.#x1 = x1;
    this.#x2 = x2;
    this.#y1 = y1;
    this.#y2 = y2;
    return sum / VAD_FRAME_SAMPLES;
  }
}
