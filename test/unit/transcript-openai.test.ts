/** Transcript → OpenAI's `json` and `verbose_json`, held to the types of OpenAI's own client. */

import {
  openaiJsonSchema,
  type Transcript,
  transcriptToOpenaiJson,
  transcriptToVerboseJson,
  verboseJsonSchema,
} from '@amanuensis/contract';
import type OpenAI from 'openai';
import { expect, test } from 'vitest';
import { said, spoken, transcriptOf } from '../support/transcripts.ts';

const TRANSCRIPT: Transcript = {
  ...transcriptOf(
    {
      ...spoken([' Hello', 0.1, 0.5], [' there.', 0.5, 1.2]),
      seek: 0,
      tokens: [50364, 2425, 456, 13, 50424],
      token_logprobs: [-0.1, -0.2, -0.3, -0.4, -0.5],
      token_texts: ['<|0.00|>', ' Hello', ' there', '.', '<|1.20|>'],
      temperature: 0.2,
      avg_logprob: -0.25,
      compression_ratio: 1.5,
      no_speech_prob: 0.01,
      speaker: 'left',
    },
    {
      ...spoken([' 😀', 1.5, 2]),
      tokens: [50424, 11, 12, 50464],
      token_logprobs: [-0.1, -0.5, -0.25, -0.1],
      token_texts: ['<|1.50|>', '', ' 😀', '<|2.00|>'],
    },
  ),
  language: 'ht',
  duration: 2.5,
};

test('json is the text', () => {
  const json: OpenAI.Audio.Transcription = transcriptToOpenaiJson(TRANSCRIPT);
  expect(json).toEqual({ text: 'Hello there. 😀' });
});

test('logprobs: the tokens of the text, those that share a character as one', () => {
  const json = transcriptToOpenaiJson(TRANSCRIPT, { includesLogprobs: true });
  json satisfies OpenAI.Audio.Transcription;
  expect(openaiJsonSchema.parse(json).logprobs).toEqual([
    { token: ' Hello', bytes: [0x20, 0x48, 0x65, 0x6c, 0x6c, 0x6f], logprob: -0.2 },
    { token: ' there', bytes: [0x20, 0x74, 0x68, 0x65, 0x72, 0x65], logprob: -0.3 },
    { token: '.', bytes: [0x2e], logprob: -0.4 },
    { token: ' 😀', bytes: [0x20, 0xf0, 0x9f, 0x98, 0x80], logprob: -0.75 },
  ]);
});

test('logprobs are refused where the texts of the tokens are unknown', () => {
  const without = transcriptOf(said(' Yes.', 0, 1));
  expect(() => transcriptToOpenaiJson(without, { includesLogprobs: true })).toThrow(
    expect.objectContaining({
      code: 'invalid_request',
      message: expect.stringMatching(/^include/),
    }),
  );
});

test('verbose_json has segments unless other granularities are asked for', () => {
  const json = transcriptToVerboseJson(TRANSCRIPT);
  json satisfies OpenAI.Audio.TranscriptionVerbose;
  expect(verboseJsonSchema.parse(json)).toEqual(json);
  expect(json).toEqual({
    task: 'transcribe',
    language: 'haitian creole',
    duration: 2.5,
    text: 'Hello there. 😀',
    segments: [
      {
        id: 0,
        seek: 0,
        start: 0.1,
        end: 1.2,
        text: ' Hello there.',
        tokens: [50364, 2425, 456, 13, 50424],
        temperature: 0.2,
        avg_logprob: -0.25,
        compression_ratio: 1.5,
        no_speech_prob: 0.01,
      },
      expect.objectContaining({ id: 1, text: ' 😀' }),
    ],
  });
});

test('verbose_json has words where they are asked for', () => {
  const json = transcriptToVerboseJson(TRANSCRIPT, { granularities: ['word'] });
  json satisfies OpenAI.Audio.TranscriptionVerbose;
  expect(json).not.toHaveProperty('segments');
  expect(json.words).toEqual([
    { word: 'Hello', start: 0.1, end: 0.5 },
    { word: 'there.', start: 0.5, end: 1.2 },
    { word: '😀', start: 1.5, end: 2 },
  ]);
  const both = transcriptToVerboseJson(TRANSCRIPT, { granularities: ['segment', 'word'] });
  expect(both.segments).toHaveLength(2);
  expect(both.words).toHaveLength(3);
});

test('a translation is in English, whatever was spoken', () => {
  const json = transcriptToVerboseJson(TRANSCRIPT, { task: 'translate' });
  json satisfies OpenAI.Audio.TranslationVerbose;
  expect(json).toMatchObject({ task: 'translate', language: 'english' });
});
