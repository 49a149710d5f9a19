/** A heard window → segments as a transcript has them: seconds of the recording, and who speaks. */

import type { Segment, Word } from '@amanuensis/contract';
import { FRAMES_PER_SECOND } from './hyperparameters.ts';
import type { WhisperTokenizer } from './tokenizer/whisper-tokenizer.ts';
import type { HeardWindow } from './transcribe-window.ts';

/** Where something that was heard in frames of its windows was spoken, in frames of the recording. */
export type ToRecordingSpan = (
  startFrame: number,
  endFrame: number,
) => { readonly startFrame: number; readonly endFrame: number };

export interface SegmentContext {
  readonly tokenizer: WhisperTokenizer;
  readonly toRecordingSpan: ToRecordingSpan;
  /** Number of the first segment. */
  readonly firstId: number;
  /** Undefined where the recording does not tell. */
  readonly speaker: string | undefined;
  readonly withWords: boolean;
}

export function heardToSegments(heard: HeardWindow, context: SegmentContext): Segment[] {
  const { tokenizer, toRecordingSpan, firstId, speaker, withWords } = context;
  const by = speaker === undefined ? {} : { speaker };
  return heard.segments.map(({ startFrame, endFrame, text, tokens, firstToken, words }, index) => {
    const span = toSeconds(toRecordingSpan(startFrame, endFrame));
    const segment: Segment = {
      id: firstId + index,
      seek: toRecordingSpan(heard.span.startFrame, heard.span.startFrame).startFrame,
      ...span,
      text,
      tokens: [...tokens],
      token_texts: tokenizer.tokenTexts(tokens),
      token_logprobs: heard.tokenLogprobs.slice(firstToken, firstToken + tokens.length),
      temperature: heard.temperature,
      compression_ratio: heard.compressionRatio,
      avg_logprob: heard.avgLogprob,
      no_speech_prob: heard.noSpeechProb,
      ...by,
    };
    if (!withWords) return segment;
    const timed = words.map(({ word, probability, ...frames }): Word => {
      const { start, end } = toSeconds(toRecordingSpan(frames.startFrame, frames.endFrame));
      const inside = { start: clamp(start, span), end: clamp(end, span) };
      return { word, ...inside, probability, ...by };
    });
    return { ...segment, words: timed };
  });
}

function toSeconds({ startFrame, endFrame }: ReturnType<ToRecordingSpan>) {
  return { start: startFrame / FRAMES_PER_SECOND, end: endFrame / FRAMES_PER_SECOND };
}

function clamp(seconds: number, { start, end }: { readonly start: number; readonly end: number }) {
  return Math.min(Math.max(seconds, start), end);
}
