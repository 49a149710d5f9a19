/** Words → cues and lines, by the rules of openai/whisper's subtitle writers. */

import { type SubtitleOptions, transcriptToSrt, transcriptToVtt } from '@amanuensis/contract';
import { expect, test } from 'vitest';
import { type SegmentParts, said, spoken, transcriptOf } from '../support/transcripts.ts';

/** One sentence of 43 characters, a word every half second. */
const FOX = spoken(
  [' The', 0, 0.5],
  [' quick', 0.5, 1],
  [' brown', 1, 1.5],
  [' fox', 1.5, 2],
  [' jumps', 2, 2.5],
  [' over', 2.5, 3],
  [' the', 3, 3.5],
  [' lazy', 3.5, 4],
  [' dog', 4, 4.5],
);
const BARK = spoken([' It', 5, 5.2], [' barks.', 5.2, 6]);

/** `start-end text` of each cue, times in seconds, lines apart by `|`. */
function cues(segments: SegmentParts[], options: SubtitleOptions): string[] {
  const seconds = (time: string): number => {
    const [h = 0, m = 0, s = 0] = time.replace(',', '.').split(':').map(Number);
    return h * 3600 + m * 60 + s;
  };
  return transcriptToSrt(transcriptOf(...segments), options)
    .split('\n\n')
    .slice(0, -1)
    .map((cue) => {
      const [, span = '', ...lines] = cue.split('\n');
      return `${span.split(' --> ').map(seconds).join('-')} ${lines.join('|')}`;
    });
}

test('word times without options: a cue is a segment, from its first word to its last', () => {
  const late = { ...spoken([' Late', 7.5, 8], [' words', 8, 9]), start: 7, end: 10 };
  expect(cues([FOX, BARK, late], {})).toEqual([
    '0-4.5 The quick brown fox jumps over the lazy dog',
    '5-6 It barks.',
    '7.5-9 Late words',
  ]);
});

test('max_line_width alone breaks lines, and segments stay apart', () => {
  // "The quick brown fox" has 19 characters, "jumps over the lazy" too.
  expect(cues([FOX, BARK], { max_line_width: 19 })).toEqual([
    '0-4.5 The quick brown fox|jumps over the lazy|dog',
    '5-6 It barks.',
  ]);
  expect(cues([FOX], { max_line_width: 18 })).toEqual([
    '0-4.5 The quick brown|fox jumps over the|lazy dog',
  ]);
});

test('with max_line_count too, cues run on over the ends of segments', () => {
  expect(cues([FOX, BARK], { max_line_width: 19, max_line_count: 2 })).toEqual([
    '0-4 The quick brown fox|jumps over the lazy',
    '4-6 dog It barks.',
  ]);
  expect(cues([FOX, BARK], { max_line_width: 19, max_line_count: 1 })).toEqual([
    '0-2 The quick brown fox',
    '2-4 jumps over the lazy',
    '4-6 dog It barks.',
  ]);
});

test('a cue that runs on ends before a pause of more than 3 s from word to word', () => {
  const options = { max_line_width: 40, max_line_count: 2 };
  const pause = (seconds: number): SegmentParts[] => [
    spoken([' Yes', 1, 1.5]),
    spoken([' no', 1 + seconds, 5]),
  ];
  expect(cues(pause(3), options)).toEqual(['1-5 Yes no']);
  expect(cues(pause(3.01), options)).toEqual(['1-1.5 Yes', '4.01-5 no']);
  // Inside a segment that stays whole no pause counts.
  const long = spoken([' Yes', 1, 1.5], [' no', 9, 10]);
  expect(cues([long], { max_line_width: 40 })).toEqual(['1-10 Yes no']);
  expect(cues([long], options)).toEqual(['1-1.5 Yes', '9-10 no']);
});

test('max_words_per_line cuts each segment on its own', () => {
  expect(cues([FOX, BARK], { max_words_per_line: 4 })).toEqual([
    '0-2 The quick brown fox',
    '2-4 jumps over the lazy',
    '4-4.5 dog',
    '5-6 It barks.',
  ]);
  expect(cues([FOX], { max_words_per_line: 9 })).toHaveLength(1);
  expect(cues([FOX], { max_words_per_line: 4, max_line_width: 10 })).toEqual([
    '0-2 The quick|brown fox',
    '2-4 jumps over|the lazy',
    '4-4.5 dog',
  ]);
});

test('a word that is longer than a line has a line of its own', () => {
  const long = spoken([' An', 0, 1], [' extraordinarily', 1, 2], [' so', 2, 3], [' it', 3, 4]);
  expect(cues([long], { max_line_width: 5 })).toEqual(['0-4 An|extraordinarily|so it']);
});

test('a line is as wide as it has characters, whatever their code units', () => {
  const emoji = spoken([' 😀😀', 0, 1], [' 😀😀', 1, 2]);
  expect(cues([emoji], { max_line_width: 5 })).toEqual(['0-2 😀😀 😀😀']);
  expect(cues([emoji], { max_line_width: 4 })).toEqual(['0-2 😀😀|😀😀']);
});

test('words that no space leads are parted only where a line ends', () => {
  const words = spoken(['日本', 0, 1], ['語の', 1, 2], ['本', 2, 3]);
  expect(cues([words], {})).toEqual(['0-3 日本語の本']);
  expect(cues([words], { max_line_width: 4 })).toEqual(['0-3 日本語の|本']);
});

test('highlight_words: a cue a word, and the plain cue in between', () => {
  const words = spoken([' One', 0, 0.5], [' two', 0.5, 1], [' three', 1.25, 2]);
  expect(cues([words], { highlight_words: true })).toEqual([
    '0-0.5 <u>One</u> two three',
    '0.5-1 One <u>two</u> three',
    '1-1.25 One two three',
    '1.25-2 One two <u>three</u>',
  ]);
  expect(cues([words], { highlight_words: true, max_line_width: 8 }).slice(-1)).toEqual([
    '1.25-2 One two|<u>three</u>',
  ]);
});

test('highlighted WebVTT escapes the words, not the underline', () => {
  const words = spoken([' a&b', 0, 1], [' -->', 1, 2]);
  expect(transcriptToVtt(transcriptOf(words), { highlight_words: true })).toBe(
    'WEBVTT\n\n' +
      '00:00.000 --> 00:01.000\n<u>a&amp;b</u> -&gt;\n\n' +
      '00:01.000 --> 00:02.000\na&amp;b <u>-&gt;</u>\n\n',
  );
});

test('an arrow that two words make together ends no cue', () => {
  const words = spoken([' a', 0, 1], [' --', 1, 2], ['-->', 2, 3]);
  expect(cues([words], {})).toEqual(['0-3 a ->']);
});

test('a segment without word times among others is a cue as it is', () => {
  const options = { max_line_width: 19, max_line_count: 2, highlight_words: true };
  const segments = [spoken([' Yes', 0, 1]), said(' Not aligned at all, alas.', 1, 3), BARK];
  expect(cues(segments, options)).toEqual([
    '0-1 <u>Yes</u>',
    '1-3 Not aligned at all, alas.',
    '5-5.2 <u>It</u> barks.',
    '5.2-6 It <u>barks.</u>',
  ]);
});

test('without any word times the options have nothing to work on', () => {
  const segments = [said(' A segment is a line.', 0, 2)];
  expect(cues(segments, { max_line_width: 5, highlight_words: true })).toEqual([
    '0-2 A segment is a line.',
  ]);
});

test('a speaker begins a cue, and the name is part of the first line', () => {
  const options = { max_line_width: 12, max_line_count: 2 };
  const segments = [
    { ...spoken([' Good', 0, 1], [' morning', 1, 2], [' all', 2, 3]), speaker: 'Ann' },
    { ...spoken([' Hi', 3, 4]), speaker: 'Bob' },
  ];
  // "Ann: Good" has 9 characters, "Ann: Good morning" 17.
  expect(cues(segments, options)).toEqual(['0-3 Ann: Good|morning all', '3-4 Bob: Hi']);
});

test('a word may have another speaker than its segment', () => {
  const { words = [], ...rest } = spoken([' Ready?', 0, 1], [' Yes.', 1, 2]);
  const answered = words.map((word, i) => (i === 1 ? { ...word, speaker: 'Bob' } : word));
  const segment = { ...rest, speaker: 'Ann', words: answered };
  expect(cues([segment], {})).toEqual(['0-1 Ann: Ready?', '1-2 Bob: Yes.']);
});
