/** Reads a recording ahead of whoever wants its speech, and finds where that lies. */

import type { PcmSource } from '../audio-to-pcm.ts';
import { PcmHistory } from './pcm-history.ts';
import { lookAheadSamples, type SpeechSpanOptions } from './speech-span-options.ts';
import { SpeechSpanTracker } from './speech-spans.ts';
import {
  VAD_BATCH_FRAMES,
  VAD_FRAME_SAMPLES,
  type VoiceActivityDetector,
} from './voice-activity-detector.ts';

/** All memory is there once it has been created: 1 to 2 MB, however long the recording. */
export class SpeechListener implements AsyncDisposable {
  readonly history: PcmHistory;
  readonly tracker: SpeechSpanTracker;
  readonly #source: PcmSource;
  readonly #detector: VoiceActivityDetector;
  // [32] f32
  readonly #probabilities = new Float32Array(VAD_BATCH_FRAMES);
  #isOver = false;

  /**
   * Owns `source` and `detector`.
   *
   * @param keptSamples settled ones that can still be read.
   */
  constructor(
    source: PcmSource,
    detector: VoiceActivityDetector,
    options: SpeechSpanOptions,
    keptSamples: number,
  ) {
    this.tracker = new SpeechSpanTracker(options);
    this.history = new PcmHistory(keptSamples + lookAheadSamples(options));
    this.#source = source;
    this.#detector = detector;
  }

  /** The recording has ended: everything is settled. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Hears the next second.
   *
   * @throws what the source and the detector throw; the listener is of no further use then.
   */
  async listen(signal: AbortSignal): Promise<void> {
    const batch = this.history.next;
    const nSamples = await this.#source.read(batch, signal);
    if (nSamples > 0) {
      batch.fill(0, nSamples);
      await this.#detector.detect(batch, this.#probabilities, signal);
      this.history.commit(nSamples);
      const nFrames = Math.ceil(nSamples / VAD_FRAME_SAMPLES);
      for (let i = 0; i < nFrames; i++) this.tracker.push(this.#probabilities[i] ?? 0);
    }
    if (nSamples < batch.length) {
      this.#isOver = true;
      this.tracker.finish(this.history.nSamples);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#detector[Symbol.dispose]();
    await this.#source[Symbol.asyncDispose]();
  }
}
