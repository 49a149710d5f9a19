/** A word and when it is said, and the segment that it is said in. */

import type { FrameSegment } from '../tokens-to-segments.ts';

/** Times in frames of 10 ms from the start of the recording, on multiples of 20 ms when aligned. */
export interface TimedWord {
  /** With the space that leads it, and the punctuation that belongs to it once that is merged. */
  readonly word: string;
  readonly tokens: readonly number[];
  readonly startFrame: number;
  readonly endFrame: number;
  /** Mean probability of its own tokens, merged punctuation not included. */
  readonly probability: number;
}

export function durationFrames({ startFrame, endFrame }: TimedWord): number {
  return endFrame - startFrame;
}

export interface WordSegment extends FrameSegment {
  /** In order, inside the segment; none where another segment's last word holds all its tokens. */
  readonly words: readonly TimedWord[];
}
