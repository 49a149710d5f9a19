/** How subtitles are laid out. Names and meaning are those of openai/whisper's writers. */

import { z } from 'zod';
import { CodedError } from './error-code.ts';
import type { Transcript } from './transcript.ts';

const MAX_LINE_WIDTH = 1_000;
/** With the width it bounds a cue, which `highlight_words` repeats for each of its words. */
const MAX_LINE_COUNT = 5;
const MAX_WORDS_PER_LINE = 1_000;

export const subtitleOptionsSchema = z
  .strictObject({
    /** One cue a word, in which the word that is spoken is underlined. */
    highlight_words: z
      .preprocess(readBoolean, z.boolean({ error: 'must be true or false' }))
      .optional(),
    /** Characters of a line; a longer word has a line of its own. */
    max_line_width: wholeNumber(MAX_LINE_WIDTH),
    /** Lines of a cue. With it, cues run on over the ends of segments and break at long pauses. */
    max_line_count: wholeNumber(MAX_LINE_COUNT),
    /** Words of a cue: each segment is cut after so many. */
    max_words_per_line: wholeNumber(MAX_WORDS_PER_LINE),
  })
  .superRefine((options, { addIssue }) => {
    const { max_line_width, max_line_count, max_words_per_line } = options;
    if (max_line_count === undefined) return;
    if (max_line_width === undefined) {
      const message = 'has no effect without max_line_width';
      addIssue({ code: 'custom', path: ['max_line_count'], message });
    } else if (max_words_per_line !== undefined) {
      const message = 'has no effect beside max_line_width and max_line_count';
      addIssue({ code: 'custom', path: ['max_words_per_line'], message });
    }
  });
export type SubtitleOptions = z.output<typeof subtitleOptionsSchema>;

/**
 * Reads options as they are, or as the strings of a query or a form.
 *
 * @throws CodedError `invalid_request`, which names the option.
 */
export function parseSubtitleOptions(input: unknown): SubtitleOptions {
  const parsed = subtitleOptionsSchema.safeParse(input);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  if (issue?.code === 'unrecognized_keys') throw unknownOption(issue.keys[0] ?? '');
  throw new CodedError('invalid_request', `${issue?.path.join('.')}: ${issue?.message}.`);
}

/**
 * All options work on words: without their times a segment is one line of one cue.
 *
 * @throws CodedError `invalid_request`, which names an option that `transcript` cannot honour.
 */
export function checkSubtitleOptions(options: SubtitleOptions, { segments }: Transcript): void {
  const [name] = Object.entries(options).find(([, value]) => Boolean(value)) ?? [];
  if (name === undefined) return;
  if (segments.every(({ words, text }) => words !== undefined || text.trim() === '')) return;
  const problem = 'needs word times; submit the recording with word_timestamps';
  throw new CodedError('invalid_request', `${name}: ${problem}.`);
}

function unknownOption(name: string): CodedError {
  const known = Object.keys(subtitleOptionsSchema.shape).join(', ');
  const problem = `there is no such option; there are ${known}`;
  return new CodedError('invalid_request', `${name.slice(0, 100)}: ${problem}.`);
}

function wholeNumber(max: number) {
  const error = `must be a whole number from 1 to ${max}`;
  return z
    .preprocess(readNumber, z.int({ error }).min(1, { error }).max(max, { error }))
    .optional();
}

function readNumber(value: unknown): unknown {
  return typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value;
}

function readBoolean(value: unknown): unknown {
  if (value === 'true') return true;
  return value === 'false' ? false : value;
}
