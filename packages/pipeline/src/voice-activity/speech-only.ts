/** A recording without what holds no speech, as a stream of PCM that knows where it comes from. */

import type { Warning } from '@amanuensis/contract';
import type { PcmSource } from '../audio-to-pcm.ts';
import { HOP_SAMPLES } from '../hyperparameters.ts';
import { SpeechListener } from './speech-listener.ts';
import { SEQUENTIAL_SPANS, type SpeechSpanOptions } from './speech-span-options.ts';
import { SpeechTimeline } from './speech-timeline.ts';
import type { VoiceActivityDetector } from './voice-activity-detector.ts';

/** Speech alone: what {@link read} answers is shorter than the recording. */
export interface SpeechSource extends PcmSource {
  /** Samples of speech that were given out. */
  readonly speechSamples: number;
  /** Where a frame (10 ms) of what was read lies in the recording, in frames; always a whole number. */
  toRecordingFrame(frame: number): number;
  /**
   * Where text that was heard in `[startFrame, endFrame)` of what was read was spoken; better than
   * two times {@link toRecordingFrame} where silence was left out nearby.
   */
  toRecordingSpan(
    startFrame: number,
    endFrame: number,
  ): { readonly startFrame: number; readonly endFrame: number };
}

/**
 * Leaves out what holds no speech. Everything but `read` is about the recording: its duration, its
 * samples, its warnings.
 *
 * @param source and `detector` belong to what is answered, which disposes them.
 */
export function speechOnly(
  source: PcmSource,
  detector: VoiceActivityDetector,
  options: SpeechSpanOptions = SEQUENTIAL_SPANS,
): SpeechSource {
  return new SpeechOnly(source, detector, options);
}

class SpeechOnly implements SpeechSource {
  readonly #source: PcmSource;
  readonly #listener: SpeechListener;
  readonly #options: SpeechSpanOptions;
  readonly #timeline = new SpeechTimeline();
  /** Samples of the recording that were given out or left out. */
  #taken = 0;

  constructor(source: PcmSource, detector: VoiceActivityDetector, options: SpeechSpanOptions) {
    this.#source = source;
    this.#options = options;
    // Nothing new is heard before everything that is settled has been taken.
    this.#listener = new SpeechListener(source, detector, options, 0);
  }

  get declaredDurationSeconds(): number | null {
    return this.#source.declaredDurationSeconds;
  }

  get durationSeconds(): number {
    return this.#source.durationSeconds;
  }

  get samplesRead(): number {
    return this.#source.samplesRead;
  }

  get warnings(): readonly Warning[] {
    return this.#source.warnings;
  }

  get speechSamples(): number {
    return this.#timeline.nSamples;
  }

  async read(out: Float32Array, signal: AbortSignal, begin = 0, end = out.length): Promise<number> {
    signal.throwIfAborted();
    let filled = this.#take(out, begin, end);
    while (filled < end && !this.#listener.isOver) {
      await this.#listener.listen(signal);
      filled = this.#take(out, filled, end);
    }
    return filled - begin;
  }

  toRecordingFrame(frame: number): number {
    return this.#timeline.toRecording(frame * HOP_SAMPLES) / HOP_SAMPLES;
  }

  toRecordingSpan(startFrame: number, endFrame: number) {
    const { start, end } = this.#timeline.toRecordingSpan(
      startFrame * HOP_SAMPLES,
      endFrame * HOP_SAMPLES,
      this.#options,
    );
    return { startFrame: start / HOP_SAMPLES, endFrame: end / HOP_SAMPLES };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listener[Symbol.asyncDispose]();
  }

  /** Copies what is settled to [begin, end) of `out`, and answers where the copy ends. */
  #take(out: Float32Array, begin: number, end: number): number {
    const { tracker, history } = this.#listener;
    let filled = begin;
    while (filled < end) {
      const ended = tracker.spans[0];
      const spanStart = ended?.start ?? tracker.openStart;
      if (spanStart === null) {
        this.#taken = Math.max(this.#taken, tracker.settledSamples);
        break;
      }
      const from = Math.max(this.#taken, spanStart);
      const spanEnd = ended?.end ?? tracker.settledSamples;
      const nSamples = Math.min(spanEnd - from, end - filled);
      history.copy(from, from + nSamples, out, filled);
      this.#timeline.append(from, nSamples);
      this.#taken = from + nSamples;
      filled += nSamples;
      if (ended === undefined) break;
      if (this.#taken === spanEnd) tracker.spans.shift();
    }
    return filled;
  }
}
