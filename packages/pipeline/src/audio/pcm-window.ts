/** A window of 30 s that moves along a recording, kept in one `audio` slot. */

import type { PcmSource } from '../audio-to-pcm.ts';
import { HOP_SAMPLES, WINDOW_FRAMES } from '../hyperparameters.ts';

const ENDED: Pick<PcmSource, 'read'> = { read: async () => 0 };

/**
 * The slot always begins at the window's first sample. What a window leaves over is moved to the
 * front (one memmove of less than 30 s, on average a few), and the source writes behind it.
 */
export class PcmWindow {
  readonly #source: Pick<PcmSource, 'read'>;
  readonly #slot: Float32Array;
  #filledSamples = 0;
  #isLast = false;
  #startFrame = 0;

  /**
   * @param slot [480000] f32.
   * @param startFrame where the source begins.
   */
  constructor(source: Pick<PcmSource, 'read'>, slot: Float32Array, startFrame = 0) {
    this.#source = source;
    this.#slot = slot;
    this.#startFrame = startFrame;
  }

  /** A window over what lies in the slot already, and nothing after it. */
  static over(slot: Float32Array, nSamples: number, startFrame: number): PcmWindow {
    const window = new PcmWindow(ENDED, slot, startFrame);
    window.#filledSamples = nSamples;
    window.#isLast = true;
    return window;
  }

  /** First frame (10 ms) of the window, counted from the start of the recording. */
  get startFrame(): number {
    return this.#startFrame;
  }

  /** Whether the source has ended in the window. */
  get isLast(): boolean {
    return this.#isLast;
  }

  /** Fills the slot, the rest of it with zeros, and answers how many frames hold audio: 0 at the end. */
  async fill(signal: AbortSignal): Promise<number> {
    await this.#read(signal);
    this.#slot.fill(0, this.#filledSamples);
    return Math.min(WINDOW_FRAMES, Math.round(this.#filledSamples / HOP_SAMPLES));
  }

  /** Moves on, never back. What lies between is dropped, and read before where it is not yet. */
  async seekTo(frame: number, signal: AbortSignal): Promise<void> {
    let skipped = Math.max(0, frame - this.#startFrame) * HOP_SAMPLES;
    while (skipped > this.#filledSamples && !this.#isLast) {
      skipped -= this.#filledSamples;
      this.#filledSamples = 0;
      await this.#read(signal);
    }
    const dropped = Math.min(skipped, this.#filledSamples);
    this.#slot.copyWithin(0, dropped, this.#filledSamples);
    this.#filledSamples -= dropped;
    this.#startFrame = Math.max(frame, this.#startFrame);
  }

  async #read(signal: AbortSignal): Promise<void> {
    if (this.#isLast || this.#filledSamples === this.#slot.length) return;
    const free = this.#slot.length - this.#filledSamples;
    const samples = await this.#source.read(this.#slot, signal, this.#filledSamples);
    this.#filledSamples += samples;
    this.#isLast = samples < free;
  }
}
