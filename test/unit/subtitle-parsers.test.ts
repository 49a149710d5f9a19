/** Public parsers read what the writers write, whatever the text and the layout. */

import { type SubtitleOptions, transcriptToSrt, transcriptToVtt } from '@amanuensis/contract';
import fc from 'fast-check';
import SrtParser from 'srt-parser-2';
import { expect, test } from 'vitest';
import { type CueNode, WebVTTParser } from 'webvtt-parser';
import { arbitraryTranscript } from '../support/transcripts.ts';

interface ReadCue {
  readonly startMs: number;
  readonly endMs: number;
  /** As it is shown: without markup, lines apart by line breaks. */
  readonly text: string;
}

/** Its own list lacks the semicolons. */
const ENTITIES = { '&amp;': '&', '&lt;': '<', '&gt;': '>' };

const toMs = (seconds: number): number => Math.round(seconds * 1000);

/** Only layouts that the options' schema lets through. */
const options: fc.Arbitrary<SubtitleOptions> = fc
  .record({
    width: fc.option(fc.integer({ min: 1, max: 50 }), { nil: undefined }),
    count: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
    words: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
  })
  .map(({ width, count, words }) => ({
    ...(width !== undefined && { max_line_width: width }),
    ...(width !== undefined && count !== undefined
      ? { max_line_count: count }
      : words !== undefined && { max_words_per_line: words }),
  }));

function readSrt(srt: string): ReadCue[] {
  const cues = new SrtParser().fromSrt(srt);
  expect(cues.map(({ id }) => Number(id))).toEqual(cues.map((_, index) => index + 1));
  return cues.map(({ startSeconds, endSeconds, text }) => ({
    startMs: toMs(startSeconds),
    endMs: toMs(endSeconds),
    text,
  }));
}

function readVtt(vtt: string): ReadCue[] {
  const { cues, errors } = new WebVTTParser(ENTITIES).parse(vtt);
  expect(errors).toEqual([]);
  return cues.map(({ startTime, endTime, tree }) => ({
    startMs: toMs(startTime),
    endMs: toMs(endTime),
    text: shown(tree),
  }));
}

function shown({ type, value, children = [] }: CueNode): string {
  return type === 'text' ? (value ?? '') : children.map(shown).join('');
}

/** What layout and arrows must leave as it is. */
const essence = (text: string): string => text.replaceAll(/\s/g, '').replaceAll(/-{2,}>/g, '->');

function expectInOrder(cues: readonly ReadCue[]): void {
  const misplaced = cues.filter(
    ({ startMs, endMs }, i) => endMs <= startMs || startMs < (cues[i - 1]?.endMs ?? 0),
  );
  expect(misplaced).toEqual([]);
}

test.each([
  ['srt', transcriptToSrt, readSrt],
  ['vtt', transcriptToVtt, readVtt],
] as const)(
  '%s: text kept, cues in order and apart, lines no wider than asked',
  (_, write, read) => {
    const transcripts = arbitraryTranscript({ hasWords: true, hasSpeakers: false });
    fc.assert(
      fc.property(transcripts, options, (transcript, layout) => {
        const cues = read(write(transcript, layout));
        expectInOrder(cues);
        expect(essence(cues.map(({ text }) => text).join(''))).toBe(essence(transcript.text));
        const words = transcript.segments.flatMap(({ words = [] }) => words);
        const single = new Set(words.map(({ word }) => essence(word)));
        const { max_line_width = Infinity, max_line_count = Infinity } = layout;
        const lines = cues.map(({ text }) => text.split('\n'));
        expect(lines.filter(({ length }) => length > max_line_count)).toEqual([]);
        const wide = lines.flat().filter((line) => [...line].length > max_line_width);
        expect(wide.filter((line) => !single.has(essence(line)))).toEqual([]);
      }),
      { numRuns: 200 },
    );
  },
);

test.each([
  ['srt', transcriptToSrt, readSrt],
  ['vtt', transcriptToVtt, readVtt],
] as const)('%s: highlighting underlines each word once, at its time', (_, write, read) => {
  const transcripts = arbitraryTranscript({ hasWords: true, hasSpeakers: false });
  fc.assert(
    fc.property(transcripts, options, (transcript, layout) => {
      const written = write(transcript, { ...layout, highlight_words: true });
      const cues = read(written);
      expectInOrder(cues);
      const words = transcript.segments.flatMap(({ words = [] }) => words);
      expect(written.split('<u>')).toHaveLength(words.length + 1);
      const spans = new Set(cues.map(({ startMs, endMs }) => `${startMs}-${endMs}`));
      const times = words.map(({ start, end }) => `${toMs(start)}-${toMs(end)}`);
      expect(times.filter((time) => !spans.has(time))).toEqual([]);
    }),
    { numRuns: 100 },
  );
});

test.each([true, false])('speakers and missing word times are read too (words: %s)', (hasWords) => {
  const transcripts = arbitraryTranscript({ hasWords, hasSpeakers: true });
  fc.assert(
    fc.property(transcripts, options, (transcript, layout) => {
      const cues = readVtt(transcriptToVtt(transcript, layout));
      expectInOrder(cues);
      expect(essence(cues.map(({ text }) => text).join(''))).toBe(essence(transcript.text));
      const srt = readSrt(transcriptToSrt(transcript, layout));
      expectInOrder(srt);
      const texts = srt.map(({ text }) => text.replace(/^(Ann|Bob & <Co>): /, ''));
      expect(essence(texts.join(''))).toBe(essence(transcript.text));
    }),
    { numRuns: 100 },
  );
});
