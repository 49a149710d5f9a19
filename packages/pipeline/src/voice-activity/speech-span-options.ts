/** What counts as speech, and how much silence around it is kept. */

import { HOP_SAMPLES, SAMPLE_RATE_HZ, WINDOW_SAMPLES } from '../hyperparameters.ts';
import { VAD_FRAME_SAMPLES } from './voice-activity-detector.ts';

export interface SpeechSpanOptions {
  /** Probability from which a frame is speech. */
  readonly threshold: number;
  /** Probability below which speech has paused; at most `threshold`. */
  readonly negativeThreshold: number;
  /** Frames of speech that a span holds at least; fewer are taken for a noise. */
  readonly minSpeechFrames: number;
  /** Frames of pause that end a span; at least twice the padding. */
  readonly minSilenceFrames: number;
  /** Kept before and behind speech, whose soft begins and ends are missed. */
  readonly paddingSamples: number;
  /** A longer span is cut at its best pause; Infinity never. */
  readonly maxSpanSamples: number;
}

/**
 * Silero's own thresholds. Its version 6 finds all 58 sentences of `samples/`, the first frame at
 * most 0.25 s late and the last at most 0.13 s early, so a padding of 0.4 s has room to spare.
 *
 * The least speech, 0.22 s, lies between noise and words. In 80 pieces of made-up music of 30 s no
 * burst of Silero's was longer than 6 frames, and the hum of a mains that begins with the recording
 * has 4 (abrupt music can have 8). Of words of 0.2 to 0.25 s cut out of speech, 80 % have 7 frames and
 * 60 % have 9; those of more than 0.25 s have them nearly all.
 */
const SPEECH = {
  threshold: 0.5,
  negativeThreshold: 0.35,
  minSpeechFrames: 7,
  paddingSamples: 0.4 * SAMPLE_RATE_HZ,
} as const;

/**
 * For what reaches the encoder as one stream: only pauses that are worth leaving out are, since text
 * on both sides of a gap is harder to decode than a pause (2 s as in faster-whisper).
 */
export const SEQUENTIAL_SPANS: SpeechSpanOptions = {
  ...SPEECH,
  minSilenceFrames: Math.ceil((2 * SAMPLE_RATE_HZ) / VAD_FRAME_SAMPLES),
  maxSpanSamples: Number.POSITIVE_INFINITY,
};

/** For windows that are decoded on their own: every pause that leaves both sides their padding. */
export const BATCHED_SPANS: SpeechSpanOptions = {
  ...SPEECH,
  minSilenceFrames: (2 * SPEECH.paddingSamples) / VAD_FRAME_SAMPLES,
  maxSpanSamples: WINDOW_SAMPLES,
};

/** Samples after a moment that must be heard before it is known whether it is kept, at most. */
export function lookAheadSamples(options: SpeechSpanOptions): number {
  return options.paddingSamples + HOP_SAMPLES + undecidedFrames(options) * VAD_FRAME_SAMPLES;
}

/** Frames that speech may take to come to the least, with the longest pauses between them. */
export function undecidedFrames({ minSpeechFrames, minSilenceFrames }: SpeechSpanOptions): number {
  return minSpeechFrames * minSilenceFrames;
}

/** @throws RangeError where the options contradict each other. */
export function checkSpanOptions(options: SpeechSpanOptions): void {
  const { threshold, negativeThreshold, minSpeechFrames, minSilenceFrames } = options;
  const { paddingSamples, maxSpanSamples } = options;
  if (!(negativeThreshold <= threshold)) throw new RangeError('negativeThreshold > threshold');
  if (!(minSpeechFrames >= 1)) throw new RangeError('minSpeechFrames < 1');
  if (!(paddingSamples >= 0)) throw new RangeError('paddingSamples < 0');
  const silence = minSilenceFrames * VAD_FRAME_SAMPLES;
  if (!(minSilenceFrames >= 1 && silence >= 2 * paddingSamples)) {
    throw new RangeError('minSilenceFrames does not leave both sides their padding');
  }
  // So that the second half of a span always has a frame to be cut at.
  if (!(maxSpanSamples >= 4 * paddingSamples + 8 * VAD_FRAME_SAMPLES)) {
    throw new RangeError('maxSpanSamples is too small for the padding');
  }
}
