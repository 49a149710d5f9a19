/** Transcript → text, SubRip and WebVTT, also where the text is awkward. */

import {
  type Transcript,
  transcriptToSrt,
  transcriptToText,
  transcriptToVtt,
} from '@amanuensis/contract';
import { expect, test } from 'vitest';

function transcript(...segments: [start: number, end: number, text: string][]): Transcript {
  return {
    text: segments.map(([, , text]) => text).join(''),
    language: 'en',
    language_probability: null,
    duration: 60,
    model: 'demo',
    segments: segments.map(([start, end, text], id) => ({
      id,
      start,
      end,
      text,
      seek: 0,
      tokens: [],
      token_logprobs: [],
      temperature: 0,
      compression_ratio: 1,
      avg_logprob: 0,
      no_speech_prob: 0,
    })),
    warnings: [],
    ran_on: { device: 'cpu0', execution_provider: 'CPUExecutionProvider' },
    processing_seconds: 1,
  };
}

test('nothing said', () => {
  expect(transcriptToText(transcript())).toBe('');
  expect(transcriptToSrt(transcript())).toBe('');
  expect(transcriptToVtt(transcript())).toBe('WEBVTT\n\n');
});

test('segments, in order and trimmed', () => {
  const two = transcript([0, 1.5, ' Hello.'], [1.5, 4, ' Bye. ']);
  expect(transcriptToText(two)).toBe('Hello.\nBye.\n');
  expect(transcriptToSrt(two)).toBe(
    '1\n00:00:00,000 --> 00:00:01,500\nHello.\n\n2\n00:00:01,500 --> 00:00:04,000\nBye.\n\n',
  );
  expect(transcriptToVtt(two)).toBe(
    'WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nHello.\n\n00:00:01.500 --> 00:00:04.000\nBye.\n\n',
  );
});

test.each([
  [0.0004, '00:00:00,000'],
  [0.9996, '00:00:01,000'],
  [59.9999, '00:01:00,000'],
  [3599.9995, '01:00:00,000'],
  [3661.25, '01:01:01,250'],
  [359_999.999, '99:59:59,999'],
  [360_000, '100:00:00,000'],
])('%d s is written as %s', (seconds, written) => {
  const srt = transcriptToSrt(transcript([seconds, seconds, 'x']));
  expect(srt.split('\n')[1]).toBe(`${written} --> ${written}`);
  const vtt = transcriptToVtt(transcript([seconds, seconds, 'x']));
  expect(vtt.split('\n')[2]).toBe(`${written} --> ${written}`.replaceAll(',', '.'));
});

test('markup and arrows in a text do not break the captions', () => {
  const tricky = transcript([0, 1, 'a --> b & <i>c</i>']);
  expect(transcriptToSrt(tricky).split('\n')[2]).toBe('a -> b & <i>c</i>');
  expect(transcriptToVtt(tricky).split('\n')[3]).toBe('a --&gt; b &amp; &lt;i&gt;c&lt;/i&gt;');
});
