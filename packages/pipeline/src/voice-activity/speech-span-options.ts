/** What counts as speech, and how much silence around it is kept. */

import { HOP_SAMPLES, SAMPLE_RATE_HZ, WINDOW_SAMPLES } from '../hyperparameters.ts';
import { VAD_FRAME_SAMPLES } from './voice-activity-detector.ts';

/** Silence that is kept, because the soft begins and ends of speech are missed. */
export interface SpeechPadding {
  /** Less where the speech before is nearer. */
  readonly paddingBeforeSamples: number;
  readonly paddingAfterSamples: number;
}

export interface SpeechSpanOptions extends SpeechPadding {
  /** Probability from which a frame is speech. */
  readonly threshold: number;
  /** Probability below which speech has paused; at most `threshold`. */
  readonly negativeThreshold: number;
  /** Frames from `threshold` on that a span holds at least; fewer are taken for a noise. */
  readonly minSpeechFrames: number;
  /** Frames of pause that end a span; at least twice the padding after it. */
  readonly minSilenceFrames: number;
  /** A longer span is cut at its best pause; Infinity never. */
  readonly maxSpanSamples: number;
}

/**
 * Silero's own thresholds. Its version 6 finds all 63 sentences of `samples/`, the first frame at
 * most 0.25 s late and the last at most 0.13 s early.
 *
 * The least speech, 0.22 s, lies between noise and words. In 140 pieces of made-up music of 30 s and 42
 * noises no burst of Silero's was as long; abrupt music at the begin of a recording can be. Of words of
 * 0.15 to 0.25 s cut out of speech 74 % are as long (34 % reach 0.29 s), of longer ones nearly all.
 */
const SPEECH = {
  threshold: 0.5,
  negativeThreshold: 0.35,
  minSpeechFrames: 7,
  paddingBeforeSamples: 0.4 * SAMPLE_RATE_HZ,
} as const;

/**
 * For what reaches the encoder as one stream: only pauses that are worth leaving out are, since text
 * on both sides of a gap is harder to decode than a pause (2 s as in faster-whisper).
 */
export const SEQUENTIAL_SPANS: SpeechSpanOptions = {
  ...SPEECH,
  paddingAfterSamples: 0.4 * SAMPLE_RATE_HZ,
  minSilenceFrames: Math.ceil((2 * SAMPLE_RATE_HZ) / VAD_FRAME_SAMPLES),
  maxSpanSamples: Number.POSITIVE_INFINITY,
};

/** For windows that are decoded on their own, and are the fuller the more pauses they may end at. */
export const BATCHED_SPANS: SpeechSpanOptions = {
  ...SPEECH,
  paddingAfterSamples: 0.2 * SAMPLE_RATE_HZ,
  minSilenceFrames: Math.ceil((0.4 * SAMPLE_RATE_HZ) / VAD_FRAME_SAMPLES),
  maxSpanSamples: WINDOW_SAMPLES,
};

/** Samples after a moment that must be heard before it is known whether it is kept, at most. */
export function lookAheadSamples(options: SpeechSpanOptions): number {
  return options.paddingBeforeSamples + HOP_SAMPLES + undecidedFrames(options) * VAD_FRAME_SAMPLES;
}

/**
 * Frames that may be neither speech nor silence yet: one fewer than the least speech, each with the
 * longest pause that does not end a span; or such a pause alone.
 */
export function undecidedFrames({ minSpeechFrames, minSilenceFrames }: SpeechSpanOptions): number {
  return Math.max(1, minSpeechFrames - 1) * minSilenceFrames;
}

/** @throws RangeError where the options contradict each other. */
export function checkSpanOptions(options: SpeechSpanOptions): void {
  const { threshold, negativeThreshold, minSpeechFrames, minSilenceFrames } = options;
  const { paddingBeforeSamples, paddingAfterSamples, maxSpanSamples } = options;
  if (!(negativeThreshold <= threshold)) throw new RangeError('negativeThreshold > threshold');
  if (!(minSpeechFrames >= 1)) throw new RangeError('minSpeechFrames < 1');
  if (!(Math.min(paddingBeforeSamples, paddingAfterSamples) >= 0)) {
    throw new RangeError('the padding is less than 0');
  }
  const silence = minSilenceFrames * VAD_FRAME_SAMPLES;
  if (!(minSilenceFrames >= 1 && silence >= 2 * paddingAfterSamples)) {
    throw new RangeError('minSilenceFrames does not leave both sides their padding');
  }
  // So that the second half of a span always has a frame to be cut at.
  const padding = paddingBeforeSamples + paddingAfterSamples;
  if (!(maxSpanSamples >= 2 * padding + 8 * VAD_FRAME_SAMPLES)) {
    throw new RangeError('maxSpanSamples is too small for the padding');
  }
}
