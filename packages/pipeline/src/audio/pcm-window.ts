/** A window of 30 s that moves along a recording, kept in one `audio` slot. */

import type { PcmSource } from '../audio-to-pcm.ts';
import { HOP_SAMPLES, WINDOW_FRAMES } from '../hyperparameters.ts';

/**
 * The slot always begins at the window's first sample. What a window leaves over is moved to the
 * front (one memmove of less than 30 s, on average a few), and the source writes behind it.
 */
export class PcmWindow {
  readonly #source: PcmSource;
  readonly #slot: Float32Array;
  #filledSamples = 0;
  #startFrame = 0;

  /** @param slot [480000] f32. */
  constructor(source: PcmSource, slot: Float32Array) {
    this.#source = source;
    this.#slot = slot;
  }

  /** First frame (10 ms) of the window, counted from the start of the recording. */
  get startFrame(): number {
    return this.#startFrame;
  }

  /** Fills the slot, the rest of it with zeros, and answers how many frames hold audio: 0 at the end. */
  async fill(signal: AbortSignal): Promise<number> {
    const free = this.#slot.subarray(this.#filledSamples);
    if (free.length > 0) this.#filledSamples += await this.#source.read(free, signal);
    this.#slot.fill(0, this.#filledSamples);
    return Math.min(WINDOW_FRAMES, Math.round(this.#filledSamples / HOP_SAMPLES));
  }

  advance(nFrames: number): void {
    const consumedSamples = Math.min(nFrames * HOP_SAMPLES, this.#filledSamples);
    this.#slot.copyWithin(0, consumedSamples, this.#filledSamples);
    this.#filledSamples -= consumedSamples;
    this.#startFrame += nFrames;
  }
}
