/** Options of subtitles: what is accepted, and how a refusal names its field. */

import { parseSubtitleOptions, TRANSCRIPT_FORMATS } from '@amanuensis/contract';
import { expect, test } from 'vitest';
import { said, spoken, transcriptOf } from '../support/transcripts.ts';

test('options as they are, and as the strings of a query', () => {
  const options = { highlight_words: true, max_line_width: 42, max_line_count: 2 };
  expect(parseSubtitleOptions(options)).toEqual(options);
  expect(
    parseSubtitleOptions({ highlight_words: 'true', max_line_width: '42', max_line_count: '2' }),
  ).toEqual(options);
  expect(parseSubtitleOptions({ highlight_words: 'false' })).toEqual({ highlight_words: false });
  expect(parseSubtitleOptions({})).toEqual({});
});

test.each([
  [{ max_line_width: 0 }, 'max_line_width: must be a whole number from 1 to 1000.'],
  [{ max_line_width: 1001 }, 'max_line_width: must be a whole number from 1 to 1000.'],
  [{ max_line_width: 2.5 }, 'max_line_width: must be a whole number from 1 to 1000.'],
  [{ max_line_width: '1e2' }, 'max_line_width: must be a whole number from 1 to 1000.'],
  [{ max_line_width: '' }, 'max_line_width: must be a whole number from 1 to 1000.'],
  [{ max_line_width: ['40', '50'] }, 'max_line_width: must be a whole number from 1 to 1000.'],
  [{ max_words_per_line: -1 }, 'max_words_per_line: must be a whole number from 1 to 1000.'],
  [{ max_line_width: 9, max_line_count: 6 }, 'max_line_count: must be a whole number from 1 to 5.'],
  [{ highlight_words: 'yes' }, 'highlight_words: must be true or false.'],
  [{ max_line_count: 2 }, 'max_line_count: has no effect without max_line_width.'],
  [
    { max_line_count: 2, max_line_width: 40, max_words_per_line: 3 },
    'max_words_per_line: has no effect beside max_line_width and max_line_count.',
  ],
  [
    { max_line_widht: 40 },
    'max_line_widht: there is no such option; there are highlight_words, max_line_width, max_line_count, max_words_per_line.',
  ],
])('%j is refused', (input, message) => {
  expect(() => parseSubtitleOptions(input)).toThrow(
    expect.objectContaining({ code: 'invalid_request', message }),
  );
});

test('what needs word times is refused where a transcript has none', () => {
  const { write } = TRANSCRIPT_FORMATS.vtt;
  const subtitles = { highlight_words: false, max_line_width: 20 };
  const without = transcriptOf(said(' Yes.', 0, 1));
  expect(() => write(without, { subtitles })).toThrow(
    expect.objectContaining({
      code: 'invalid_request',
      message: 'max_line_width: needs word times; submit the recording with word_timestamps.',
    }),
  );
  expect(write(without, { subtitles: { highlight_words: false } })).toContain('Yes.');
  expect(write(transcriptOf(), { subtitles })).toBe('WEBVTT\n\n');
  expect(write(transcriptOf(spoken([' Yes.', 0, 1])), { subtitles })).toContain('Yes.');
});
