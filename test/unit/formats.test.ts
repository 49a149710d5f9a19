/** Transcript → text, SubRip, WebVTT and TSV without word times, also where the text is awkward. */

import {
  TRANSCRIPT_FORMAT_NAMES,
  TRANSCRIPT_FORMATS,
  transcriptSchema,
  transcriptToSrt,
  transcriptToText,
  transcriptToTsv,
  transcriptToVtt,
  verboseJsonSchema,
} from '@amanuensis/contract';
import { expect, test } from 'vitest';
import { said, spoken, transcriptOf } from '../support/transcripts.ts';

test('nothing said', () => {
  expect(transcriptToText(transcriptOf())).toBe('');
  expect(transcriptToSrt(transcriptOf())).toBe('');
  expect(transcriptToVtt(transcriptOf())).toBe('WEBVTT\n\n');
  expect(transcriptToTsv(transcriptOf())).toBe('start\tend\ttext\n');
});

test('segments, in order and trimmed', () => {
  const two = transcriptOf(said(' Hello.', 0, 1.5), said(' Bye. ', 1.5, 4));
  expect(transcriptToText(two)).toBe('Hello.\nBye.\n');
  expect(transcriptToSrt(two)).toBe(
    '1\n00:00:00,000 --> 00:00:01,500\nHello.\n\n2\n00:00:01,500 --> 00:00:04,000\nBye.\n\n',
  );
  expect(transcriptToVtt(two)).toBe(
    'WEBVTT\n\n00:00.000 --> 00:01.500\nHello.\n\n00:01.500 --> 00:04.000\nBye.\n\n',
  );
  expect(transcriptToTsv(two)).toBe('start\tend\ttext\n0\t1500\tHello.\n1500\t4000\tBye.\n');
});

test.each([
  [0.0004, '00:00:00,000', '00:00.000'],
  [0.9996, '00:00:01,000', '00:01.000'],
  [59.9999, '00:01:00,000', '01:00.000'],
  [3599.99, '00:59:59,990', '59:59.990'],
  [3599.9995, '01:00:00,000', '01:00:00.000'],
  [3661.25, '01:01:01,250', '01:01:01.250'],
  [359_999.999, '99:59:59,999', '99:59:59.999'],
  [360_000, '100:00:00,000', '100:00:00.000'],
])('%d s is %s in SubRip and %s in WebVTT', (seconds, srt, vtt) => {
  const instant = transcriptOf(said('x', seconds, seconds));
  expect(transcriptToSrt(instant).split('\n')[1]).toBe(`${srt} --> ${srt}`);
  expect(transcriptToVtt(instant).split('\n')[2]).toBe(`${vtt} --> ${vtt}`);
});

test('markup and arrows in a text do not break the captions', () => {
  const tricky = transcriptOf(said('a --> b & <i>c</i>', 0, 1));
  expect(transcriptToSrt(tricky).split('\n')[2]).toBe('a -> b & <i>c</i>');
  expect(transcriptToVtt(tricky).split('\n')[3]).toBe('a -&gt; b &amp; &lt;i&gt;c&lt;/i&gt;');
});

test('line breaks and tabs in a text do not break a cue or a row', () => {
  const broken = transcriptOf(said(' one\n\ntwo\tthree\r\nfour', 0, 1));
  expect(transcriptToSrt(broken)).toBe('1\n00:00:00,000 --> 00:00:01,000\none two\tthree four\n\n');
  expect(transcriptToTsv(broken).split('\n')[1]).toBe('0\t1000\tone  two three  four');
});

test('a segment without text makes no cue', () => {
  const silent = transcriptOf(said(' ', 0, 1), said(' Yes.', 1, 2));
  expect(transcriptToSrt(silent)).toBe('1\n00:00:01,000 --> 00:00:02,000\nYes.\n\n');
});

test('speakers are named as each format does it', () => {
  const talk = transcriptOf(
    { ...said(' Hello.', 0, 1), speaker: 'Ann' },
    { ...said(' Hi.', 1, 2), speaker: 'Bob & <Co>\nLtd' },
    said(' Well.', 2, 3),
  );
  expect(transcriptToText(talk)).toBe('Ann: Hello.\nBob & <Co> Ltd: Hi.\nWell.\n');
  expect(transcriptToSrt(talk).split('\n').slice(6, 7)).toEqual(['Bob & <Co> Ltd: Hi.']);
  expect(transcriptToVtt(talk).split('\n')[3]).toBe('<v Ann>Hello.');
  expect(transcriptToVtt(talk).split('\n')[6]).toBe('<v Bob &amp; &lt;Co&gt; Ltd>Hi.');
  expect(transcriptToVtt(talk).split('\n')[9]).toBe('Well.');
});

test('the table knows every format, and no two share a file name', () => {
  expect(TRANSCRIPT_FORMAT_NAMES).toEqual(['json', 'text', 'srt', 'vtt', 'tsv', 'verbose_json']);
  const extensions = TRANSCRIPT_FORMAT_NAMES.map((name) => TRANSCRIPT_FORMATS[name].fileExtension);
  expect(new Set(extensions).size).toBe(extensions.length);
});

test('the table writes what the writers write', () => {
  const transcript = transcriptOf(spoken([' Hello', 0, 0.5], [' there.', 0.5, 1]));
  const subtitles = { max_words_per_line: 1 };
  const written = (name: keyof typeof TRANSCRIPT_FORMATS): string =>
    TRANSCRIPT_FORMATS[name].write(transcript, { subtitles, task: 'translate' });
  expect(transcriptSchema.parse(JSON.parse(written('json')))).toEqual(transcript);
  expect(written('text')).toBe(transcriptToText(transcript));
  expect(written('srt')).toBe(transcriptToSrt(transcript, subtitles));
  expect(written('vtt')).toBe(transcriptToVtt(transcript, subtitles));
  expect(written('tsv')).toBe(transcriptToTsv(transcript));
  expect(verboseJsonSchema.parse(JSON.parse(written('verbose_json')))).toMatchObject({
    task: 'translate',
    segments: [{ text: ' Hello there.' }],
    words: [{ word: 'Hello' }, { word: 'there.' }],
  });
});

test('the table writes verbose_json without words where there are none', () => {
  const json = TRANSCRIPT_FORMATS.verbose_json.write(transcriptOf(said(' Yes.', 0, 1)));
  expect(Object.keys(JSON.parse(json))).not.toContain('words');
});
