/** Tokens of one window → segments, and where the next window begins. */

import { FRAMES_PER_TIMESTAMP } from './hyperparameters.ts';
import type { WhisperTokenizer } from './tokenizer/whisper-tokenizer.ts';

/** Times in frames of 10 ms from the start of the recording: whole numbers, so nothing drifts. */
export interface FrameSegment {
  readonly startFrame: number;
  readonly endFrame: number;
  /** With the space that leads it. */
  readonly text: string;
  /** Timestamps included. */
  readonly tokens: readonly number[];
  /** Position of the first of them among the window's tokens. */
  readonly firstToken: number;
}

export interface WindowSegments {
  readonly segments: readonly FrameSegment[];
  /** Frames of the window that are done with; the next one begins there. */
  readonly consumedFrames: number;
  /** It ends with text and one timestamp: nobody speaks after it. */
  readonly endsOpen: boolean;
}

export interface WindowSpan {
  readonly startFrame: number;
  /** At most 3,000; fewer at the end of the recording. */
  readonly nFrames: number;
}

/**
 * Cuts at each pair of timestamps. The next window begins at the end of the last closed segment;
 * a window that ends with text and one timestamp, or has no pair at all, is consumed whole
 * (openai/whisper, `transcribe`).
 */
export function tokensToSegments(
  tokens: readonly number[],
  span: WindowSpan,
  tokenizer: WhisperTokenizer,
): WindowSegments {
  const isTimestamp = (index: number): boolean => tokenizer.isTimestamp(tokens[index] ?? -1);
  const cuts = [...tokens.keys()].filter((i) => i > 0 && isTimestamp(i) && isTimestamp(i - 1));
  const endsOpen =
    tokens.length >= 2 && isTimestamp(tokens.length - 1) && !isTimestamp(tokens.length - 2);
  if (cuts.length === 0) {
    return {
      segments: keepInside(oneSegment(tokens, span, tokenizer), span),
      consumedFrames: span.nFrames,
      endsOpen,
    };
  }
  if (endsOpen) cuts.push(tokens.length);
  const timed: FrameSegment[] = [];
  let begin = 0;
  for (const cut of cuts) {
    const part = tokens.slice(begin, cut);
    const text = tokenizer.decode(part);
    if (text.trim() !== '') {
      const startFrame = span.startFrame + tokenizer.timestampFrames(part[0] ?? 0);
      const endFrame = span.startFrame + tokenizer.timestampFrames(part.at(-1) ?? 0);
      timed.push({ startFrame, endFrame, text, tokens: part, firstToken: begin });
    }
    begin = cut;
  }
  const segments = keepInside(timed, span);
  if (endsOpen) return { segments, consumedFrames: span.nFrames, endsOpen };
  const lastEnd = tokenizer.timestampFrames(tokens[begin - 1] ?? 0);
  // A model may time a segment beyond the end of the recording; there is no window there.
  const consumedFrames = lastEnd > 0 ? Math.min(lastEnd, span.nFrames) : span.nFrames;
  return { segments, consumedFrames, endsOpen };
}

/** A window without a pair of timestamps is one segment, to its last timestamp or its end. */
function oneSegment(
  tokens: readonly number[],
  { startFrame, nFrames }: WindowSpan,
  tokenizer: WhisperTokenizer,
): FrameSegment[] {
  const text = tokenizer.decode(tokens);
  if (text.trim() === '') return [];
  const last = tokens.findLast((token) => tokenizer.isTimestamp(token));
  const lastFrames = last === undefined ? 0 : tokenizer.timestampFrames(last);
  return [
    {
      startFrame,
      endFrame: startFrame + (lastFrames > 0 ? lastFrames : nFrames),
      text,
      tokens,
      firstToken: 0,
    },
  ];
}

/**
 * A model may time text beyond the end of the audio, where zeros are. It is said before that end:
 * each segment loses what lies beyond it, down to the length of a timestamp, and then moves what is
 * before it. Segments that lie inside stay as they are.
 */
function keepInside(segments: readonly FrameSegment[], span: WindowSpan): FrameSegment[] {
  let limit = span.startFrame + span.nFrames;
  return segments
    .toReversed()
    .map((segment) => {
      const endFrame = Math.min(segment.endFrame, limit);
      const latestStart = Math.max(span.startFrame, endFrame - FRAMES_PER_TIMESTAMP);
      limit = Math.min(segment.startFrame, latestStart);
      return { ...segment, startFrame: limit, endFrame };
    })
    .reverse();
}
