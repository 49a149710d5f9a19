/** Transcript → what OpenAI's API answers for `response_format=verbose_json`. */

import { z } from 'zod';
import { languageName } from './language.ts';
import { type Segment, segmentSchema, type Transcript, wordSchema } from './transcript.ts';
import type { TranscriptionOptions } from './transcription-options.ts';

const verboseWordSchema = wordSchema.pick({ word: true, start: true, end: true });
type VerboseWord = z.infer<typeof verboseWordSchema>;

const verboseSegmentSchema = segmentSchema.pick({
  id: true,
  seek: true,
  start: true,
  end: true,
  text: true,
  tokens: true,
  temperature: true,
  avg_logprob: true,
  compression_ratio: true,
  no_speech_prob: true,
});
type VerboseSegment = z.infer<typeof verboseSegmentSchema>;

/** Times are seconds. */
export const verboseJsonSchema = z.strictObject({
  task: z.enum(['transcribe', 'translate']),
  /** English name of the language of `text`, in lower case. */
  language: z.string(),
  duration: z.number(),
  text: z.string(),
  segments: z.array(verboseSegmentSchema).exactOptional(),
  words: z.array(verboseWordSchema).exactOptional(),
});
export type VerboseJson = z.infer<typeof verboseJsonSchema>;

export interface VerboseJsonOptions {
  /** What the job did. */
  readonly task?: TranscriptionOptions['task'];
  /** `timestamp_granularities[]` of the request. */
  readonly granularities?: readonly ('word' | 'segment')[];
}

/**
 * Segments, and words where the granularities ask for them. Words are without white space around
 * them and, other than OpenAI's, with their punctuation; a transcript without word times has none.
 */
export function transcriptToVerboseJson(
  { text, language, duration, segments }: Transcript,
  { task = 'transcribe', granularities = ['segment'] }: VerboseJsonOptions = {},
): VerboseJson {
  return {
    task,
    language: task === 'translate' ? 'english' : languageName(language),
    duration,
    text: text.trim(),
    ...(granularities.includes('segment') && { segments: segments.map(verboseSegment) }),
    ...(granularities.includes('word') && { words: segments.flatMap(verboseWords) }),
  };
}

function verboseSegment(segment: Segment): VerboseSegment {
  const { id, seek, start, end, text, tokens } = segment;
  const { temperature, avg_logprob, compression_ratio, no_speech_prob } = segment;
  const numbers = { temperature, avg_logprob, compression_ratio, no_speech_prob };
  return { id, seek, start, end, text, tokens, ...numbers };
}

function verboseWords({ words = [] }: Segment): VerboseWord[] {
  return words.map(({ word, start, end }) => ({ word: word.trim(), start, end }));
}
