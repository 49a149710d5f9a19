/**
 * Probabilities of speech → spans of samples that hold it.
 *
 * ```
 * probability   .1 .2 .6 .9 .4 .3 .2 .7 .3 .1 .1 .1 .1      thresholds 0.5 and 0.35
 * speech               ▪  ▪  ▪        ▪                     0.4 goes on, but would not begin
 * span              [←pad────────────────pad→]              the pause was shorter than the least
 * ```
 *
 * Spans begin and end on whole hops of the spectrogram (10 ms), so that times in what is left are
 * times in the recording plus a whole number of frames.
 */

import { HOP_SAMPLES } from '../hyperparameters.ts';
import { SpeechPauses } from './speech-pauses.ts';
import {
  checkSpanOptions,
  type SpeechSpanOptions,
  undecidedFrames,
} from './speech-span-options.ts';
import { VAD_FRAME_SAMPLES } from './voice-activity-detector.ts';

/** From `start` to before `end`, in samples from the start of the recording. */
export interface SpeechSpan {
  readonly start: number;
  readonly end: number;
}

/**
 * The spans of a recording: in order, apart from each other or, where one was cut, touching.
 *
 * @param probabilities of each frame of 512 samples, the last perhaps not whole.
 */
export function speechSpans(
  probabilities: ArrayLike<number>,
  nSamples: number,
  options: SpeechSpanOptions,
): SpeechSpan[] {
  const tracker = new SpeechSpanTracker(options);
  for (let i = 0; i < probabilities.length; i++) tracker.push(probabilities[i] ?? 0);
  tracker.finish(nSamples);
  return [...tracker.spans];
}

/** Finds the spans of a recording while it is being read, in constant memory. */
export class SpeechSpanTracker {
  /** Those that have ended, oldest first; whoever follows a recording takes them out. */
  readonly spans: SpeechSpan[] = [];
  readonly #options: SpeechSpanOptions;
  /** Undefined where no span is too long. */
  readonly #pauses: SpeechPauses | undefined;
  #nFrames = 0;
  /** Where the last span ended. */
  #lastEnd = 0;
  /** Begin of the span under way, in samples; null in silence. */
  #start: number | null = null;
  /** End of its last frame of speech, in frames. */
  #speechEnd = 0;
  #nSpeechFrames = 0;
  #isPausing = false;
  #finishedAt: number | undefined;

  /** @throws RangeError where the options contradict each other. */
  constructor(options: SpeechSpanOptions) {
    checkSpanOptions(options);
    this.#options = options;
    const { maxSpanSamples, negativeThreshold } = options;
    if (Number.isFinite(maxSpanSamples)) {
      const capacity = Math.ceil(maxSpanSamples / VAD_FRAME_SAMPLES) + undecidedFrames(options) + 2;
      this.#pauses = new SpeechPauses(capacity, negativeThreshold);
    }
  }

  /** Begin of the span that is under way and certain to be one, in samples; else null. */
  get openStart(): number | null {
    return this.#isCertain ? this.#start : null;
  }

  /**
   * Samples about which nothing changes any more: each lies in a span that has ended, in the one
   * under way, or in silence. At most `lookAheadSamples` behind what was pushed.
   */
  get settledSamples(): number {
    if (this.#finishedAt !== undefined) return this.#finishedAt;
    if (this.#start === null) return this.#startAt(this.#nFrames);
    if (!this.#isCertain) return this.#start;
    return Math.min(this.#nFrames * VAD_FRAME_SAMPLES, this.#paddedEnd);
  }

  /** The probability of the next frame. */
  push(probability: number): void {
    const { threshold, negativeThreshold, minSilenceFrames } = this.#options;
    const frame = this.#nFrames++;
    this.#pauses?.put(frame, probability);
    const isLoud = probability >= threshold;
    if (this.#start === null) {
      if (isLoud) this.#begin(frame);
    } else if (isLoud || (this.#goesOn && probability >= negativeThreshold)) {
      this.#isPausing = false;
      this.#speechEnd = frame + 1;
      if (isLoud) this.#nSpeechFrames++;
      this.#cutWhileTooLong();
    } else {
      this.#isPausing = true;
      if (frame + 1 - this.#speechEnd >= minSilenceFrames) this.#close(this.#paddedEnd);
    }
  }

  /** The recording has ended after `nSamples`, in the last frame that was pushed. */
  finish(nSamples: number): void {
    this.#close(this.#paddedEnd);
    const last = this.spans.at(-1);
    if (last !== undefined && last.end > nSamples) {
      this.spans[this.spans.length - 1] = { start: last.start, end: nSamples };
    }
    this.#finishedAt = nSamples;
  }

  get #isCertain(): boolean {
    return this.#nSpeechFrames >= this.#options.minSpeechFrames;
  }

  /** Whether a frame between the two thresholds is speech: not before it is certain that there is any. */
  get #goesOn(): boolean {
    return this.#isCertain && !this.#isPausing;
  }

  /** Where the span under way ends if no more speech comes. */
  get #paddedEnd(): number {
    const end = this.#speechEnd * VAD_FRAME_SAMPLES + this.#options.paddingAfterSamples;
    return Math.ceil(end / HOP_SAMPLES) * HOP_SAMPLES;
  }

  /** Where a span begins whose first frame of speech is `frame`. */
  #startAt(frame: number): number {
    const start = frame * VAD_FRAME_SAMPLES - this.#options.paddingBeforeSamples;
    return Math.max(this.#lastEnd, Math.floor(start / HOP_SAMPLES) * HOP_SAMPLES);
  }

  #begin(frame: number): void {
    this.#start = this.#startAt(frame);
    this.#speechEnd = frame + 1;
    this.#nSpeechFrames = 1;
    this.#isPausing = false;
  }

  #close(end: number): void {
    if (this.#start !== null && this.#isCertain) this.#emit(this.#start, end);
    this.#start = null;
    this.#nSpeechFrames = 0;
  }

  #emit(start: number, end: number): void {
    this.spans.push({ start, end });
    this.#lastEnd = end;
  }

  /** Cuts in the second half, so that no part is small. */
  #cutWhileTooLong(): void {
    const { maxSpanSamples } = this.#options;
    while (
      this.#pauses !== undefined &&
      this.#start !== null &&
      this.#isCertain &&
      this.#paddedEnd - this.#start > maxSpanSamples
    ) {
      const from = Math.ceil((this.#start + maxSpanSamples / 2) / VAD_FRAME_SAMPLES);
      const to = Math.floor((this.#start + maxSpanSamples) / VAD_FRAME_SAMPLES);
      const cut = this.#pauses.bestCut(from, Math.min(to, this.#speechEnd - 1));
      const end = Math.floor(cut / HOP_SAMPLES) * HOP_SAMPLES;
      this.#emit(this.#start, end);
      this.#start = end;
    }
  }
}
