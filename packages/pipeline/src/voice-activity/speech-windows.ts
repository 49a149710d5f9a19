/** A recording as windows of up to 30 s that can be decoded on their own, each of whole spans of speech. */

import type { PcmSource } from '../audio-to-pcm.ts';
import { HOP_SAMPLES, WINDOW_SAMPLES } from '../hyperparameters.ts';
import { SpeechListener } from './speech-listener.ts';
import { BATCHED_SPANS, type SpeechSpanOptions } from './speech-span-options.ts';
import type { VoiceActivityDetector } from './voice-activity-detector.ts';

/** A window as it lies in a slot: its samples, then zeros. */
export interface SpeechWindow {
  /** In frames (10 ms) from the start of the recording; always a whole number. */
  readonly startFrame: number;
  readonly startSample: number;
  readonly nSamples: number;
}

/**
 * ```
 * recording   ──[span]──[ span ]─[span]────────────[   a span of more than 30 s   ]───
 * windows       [      30 s at most   ]            [ cut at its best ][ pause     ]
 * ```
 *
 * A window is a piece of the recording as it is, pauses included: times in it are times in the
 * recording plus its start. What lies between windows holds no speech.
 */
export class SpeechWindows implements AsyncDisposable {
  readonly #listener: SpeechListener;
  /** Of the window under way; null where none is. */
  #start: number | null = null;
  #end = 0;

  /**
   * @param source and `detector` belong to the windows, which dispose them.
   * @param options whose spans fit into a window.
   */
  constructor(
    source: PcmSource,
    detector: VoiceActivityDetector,
    options: SpeechSpanOptions = BATCHED_SPANS,
  ) {
    if (options.maxSpanSamples > WINDOW_SAMPLES) throw new RangeError('spans exceed a window');
    this.#listener = new SpeechListener(source, detector, options, WINDOW_SAMPLES);
  }

  /**
   * Reads on until a window is complete, which takes up to 30 s of the recording and what must be
   * heard after it; null at the end. One call at a time, each with a slot that is free.
   *
   * @param out [480000] f32, written.
   * @throws what the source and the detector throw; the windows are of no further use then.
   */
  async next(out: Float32Array, signal: AbortSignal): Promise<SpeechWindow | null> {
    signal.throwIfAborted();
    if (out.length !== WINDOW_SAMPLES)
      throw new RangeError(`a window has ${WINDOW_SAMPLES} samples`);
    while (!this.#gather()) {
      if (this.#listener.isOver) break;
      await this.#listener.listen(signal);
    }
    return this.#write(out);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listener[Symbol.asyncDispose]();
  }

  /** Adds to the window what fits; true when nothing more can. */
  #gather(): boolean {
    const { tracker } = this.#listener;
    for (let span = tracker.spans[0]; span !== undefined; span = tracker.spans[0]) {
      this.#start ??= span.start;
      if (span.end - this.#start > WINDOW_SAMPLES) return true;
      this.#end = span.end;
      tracker.spans.shift();
    }
    // Whatever speech is still to come ends after what is settled.
    return this.#start !== null && tracker.settledSamples - this.#start > WINDOW_SAMPLES;
  }

  #write(out: Float32Array): SpeechWindow | null {
    if (this.#start === null) return null;
    const startSample = this.#start;
    const nSamples = this.#end - startSample;
    this.#listener.history.copy(startSample, this.#end, out, 0);
    out.fill(0, nSamples);
    this.#start = null;
    return { startFrame: startSample / HOP_SAMPLES, startSample, nSamples };
  }
}
