/** What a user may choose, as the model is told it and as the transcript shows it. */

import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { wordErrorRate } from '../../apps/cli/src/word-error-rate.ts';
import { SAMPLES } from '../support/paths.ts';
import {
  joined,
  type Sentence,
  sentencesOf,
  writeRecording,
} from '../support/spoken-recordings.ts';
import { expectInOrder } from '../support/transcript-order.ts';
import { openDevice, promptOf, type TestDevice } from '../support/whisper-device.ts';

const TIMEOUT = { timeout: 120_000 };
const STANDUP = join(SAMPLES, 'standup.wav');
const VOICEMAIL = join(SAMPLES, 'voicemail.wav');
const GREEDY = { temperature: 0 } as const;

/** Two windows: the second begins where the silence ends. */
const twoWindows = joined('standup.wav', 18.8, 'voicemail.wav');

let device: TestDevice;
const prompts: (readonly number[])[] = [];
beforeAll(async () => {
  device = await openDevice({ lanesPerJob: 2 });
  device.onRun = (stage, feeds) => {
    const prompt = promptOf(stage, feeds);
    if (prompt !== null) prompts.push(prompt);
  };
});
afterEach(() => {
  prompts.length = 0;
});
afterAll(async () => {
  await device?.[Symbol.asyncDispose]();
});

const start = () => device.model.tokenizer.startOfTranscript;
const before = () => device.model.tokenizer.startOfPrev;
const tokensOf = (text: string) => device.model.tokenizer.encodePrompt(text);

function textOf(sentences: readonly Sentence[]): string {
  return sentences.map(({ text }) => text).join(' ');
}

test('a window is told nothing but what was asked for', TIMEOUT, async () => {
  const { text } = await device.transcribe(writeRecording(twoWindows), GREEDY);
  expect(prompts).toEqual([[start()], [start()]]);
  expect(text).toBe(textOf(twoWindows.sentences));
});

test('the prompt is told to the first window, hotwords to each', TIMEOUT, async () => {
  const options = { ...GREEDY, prompt: 'Hello.', hotwords: ' Emma Daniel ' };
  await device.transcribe(writeRecording(twoWindows), options);
  const hotwords = tokensOf('Emma Daniel');
  expect(prompts).toEqual([
    [before(), ...hotwords, ...tokensOf('Hello.'), start()],
    [before(), ...hotwords, start()],
  ]);
});

test('a long prompt loses its begin', TIMEOUT, async () => {
  const prompt = 'The report is ready. '.repeat(80);
  await device.transcribe(STANDUP, { ...GREEDY, prompt });
  expect(prompts).toEqual([[before(), ...tokensOf(prompt).slice(-223), start()]]);
});

test('a window continues the text before it, where that was asked for', TIMEOUT, async () => {
  const options = { ...GREEDY, condition_on_previous_text: true, prompt: 'Hello.' };
  const { segments } = await device.transcribe(writeRecording(twoWindows), options);
  const [first, second] = prompts;
  expect(first).toEqual([before(), ...tokensOf('Hello.'), start()]);
  const heard = segments.filter(({ seek }) => seek === 0).flatMap(({ tokens }) => tokens);
  expect(heard.length).toBeGreaterThan(10);
  expect(second).toEqual([before(), ...tokensOf('Hello.'), ...heard, start()]);
});

test('a window that was guessed is not continued', TIMEOUT, async () => {
  const options = { condition_on_previous_text: true, temperature: 0.6 };
  await device.transcribe(writeRecording(twoWindows), options);
  expect(prompts).toEqual([[start()], [start()]]);
});

test('silence before the first words does not use the prompt up', TIMEOUT, async () => {
  const path = writeRecording(joined(30, 'standup.wav'));
  // Whatever the model hears in silence counts as silence.
  const silent = { no_speech_threshold: 0, logprob_threshold: 0 };
  const options = { ...GREEDY, ...silent, prompt: 'Hello.', prefix: 'Good' };
  const { segments } = await device.transcribe(path, options);
  expect(segments).toEqual([]);
  const told = [before(), ...tokensOf('Hello.'), start(), ...tokensOf('Good')];
  expect(prompts).toEqual([told, told]);
});

test('the prefix is put before what the first window says, of each clip too', TIMEOUT, async () => {
  const options = { ...GREEDY, prefix: 'Good morning.', clip_timestamps: [1.5] };
  const { text } = await device.transcribe(writeRecording(twoWindows), options);
  expect(prompts[0]).toEqual([start(), ...tokensOf('Good morning.')]);
  expect(prompts.slice(1)).toEqual(prompts.slice(1).map(() => [start()]));
  expect(text).not.toContain('Good morning');
});

test(
  'side by side, each window is told the prompt, and the first the prefix',
  TIMEOUT,
  async () => {
    const path = writeRecording(joined('standup.wav', 25, 'voicemail.wav', 25, 'standup.wav'));
    const options = { ...GREEDY, mode: 'batched' as const, prompt: 'Hello.', prefix: 'Good' };
    await device.transcribe(path, options);
    const told = [before(), ...tokensOf('Hello.'), start()];
    expect(prompts).toHaveLength(3);
    expect(prompts).toContainEqual([...told, ...tokensOf('Good')]);
    expect(prompts.filter((prompt) => prompt.length === told.length)).toEqual([told, told]);
  },
);

test('without timestamps a window is one segment', TIMEOUT, async () => {
  const options = { ...GREEDY, without_timestamps: true };
  const transcript = await device.transcribe(STANDUP, options);
  expect(prompts).toEqual([[start(), device.model.tokenizer.noTimestamps]]);
  expect(transcript.segments).toHaveLength(1);
  expect(transcript.segments[0]).toMatchObject({ start: 0, end: 11.27 });
  expect(transcript.segments[0]?.token_texts?.join('')).not.toContain('<|');
});

test('a window begins no later than it may', TIMEOUT, async () => {
  const first = async (max_initial_timestamp: number) => {
    const { segments } = await device.transcribe(STANDUP, { ...GREEDY, max_initial_timestamp });
    return segments[0]?.start;
  };
  expect(await first(1)).toBe(0.4);
  expect(await first(0.1)).toBeLessThanOrEqual(0.1);
});

test('a suppressed token does not come', TIMEOUT, async () => {
  const [good = -1] = tokensOf('Good');
  const { segments } = await device.transcribe(STANDUP, {
    ...GREEDY,
    suppress_tokens: [-1, good],
  });
  const tokens = segments.flatMap((segment) => segment.tokens);
  expect(tokens.length).toBeGreaterThan(10);
  expect(tokens).not.toContain(good);
});

test('clips alone are heard, at their times in the recording', TIMEOUT, async () => {
  // Between sentences: 1.2 to 1.67, 5.03 to 5.37, 7.52 to 8.27 s.
  const options = { ...GREEDY, clip_timestamps: [1.4, 5.2, 7.9], word_timestamps: true };
  const transcript = await device.transcribe(STANDUP, options);
  expectInOrder(transcript);
  const [, second, , fourth] = sentencesOf('standup.wav');
  expect(transcript.segments.map(({ text }) => text.trim())).toEqual([second?.text, fourth?.text]);
  expect(transcript.segments.map(({ seek }) => seek)).toEqual([140, 790]);
  for (const [index, sentence] of [second, fourth].entries()) {
    expect(transcript.segments[index]?.end).toBeCloseTo(sentence?.end ?? 0, 0);
  }
  expect(transcript.duration).toBeCloseTo(11.27, 1);
});

test('a recording of which only a clip is read is as long as it is', TIMEOUT, async () => {
  const options = { ...GREEDY, clip_timestamps: [0, 1.4] };
  const { text, duration } = await device.transcribe(STANDUP, options);
  expect(text).toBe('Good morning.');
  expect(duration).toBeCloseTo(11.27, 1);
});

test('clips beyond the end are told of', TIMEOUT, async () => {
  const options = { ...GREEDY, clip_timestamps: [0, 1.4, 60, 70, 80] };
  const { text, duration, warnings } = await device.transcribe(STANDUP, options);
  expect(text).toBe('Good morning.');
  expect(duration).toBeCloseTo(11.27, 1);
  expect(warnings).toEqual([
    { code: 'clip_beyond_end', message: '2 of 3 clips lie beyond the end of the recording.' },
  ]);
});

test('each channel is a speaker', TIMEOUT, async () => {
  const path = writeRecording(joined('standup.wav'), joined('voicemail.wav'));
  const options = { ...GREEDY, channels: 'separate' as const, word_timestamps: true };
  const processed: number[] = [];
  const transcript = await device.transcribe(path, options, {
    onPart: ({ processedSeconds }) => processed.push(processedSeconds),
  });
  const { segments } = transcript;
  expect(segments.map(({ id }) => id)).toEqual(segments.map((_, index) => index));
  const starts = segments.map((segment) => segment.start);
  expect(starts).toEqual(starts.toSorted((a, b) => a - b));
  const said = (speaker: string) =>
    segments.filter((segment) => segment.speaker === speaker).map(({ text }) => text.trim());
  expect(said('channel 1')).toEqual(sentencesOf('standup.wav').map(({ text }) => text));
  expect(said('channel 2')).toEqual(sentencesOf('voicemail.wav').map(({ text }) => text));
  expect(new Set(segments.map(({ speaker }) => speaker)).size).toBe(2);
  for (const { speaker, words = [] } of segments) {
    expect(words.length).toBeGreaterThan(0);
    expect(words.every((word) => word.speaker === speaker)).toBe(true);
  }
  // Who speaks second is heard second, and both speak at once.
  expect(segments.findIndex(({ speaker }) => speaker === 'channel 2')).toBeLessThan(4);
  expect(processed).toEqual(processed.toSorted((a, b) => a - b));
  expect(processed.at(-1)).toBeCloseTo(transcript.duration, 1);
});

test('one channel is one speaker', TIMEOUT, async () => {
  const { segments } = await device.transcribe(STANDUP, { ...GREEDY, channels: 'separate' });
  expect(segments.map(({ speaker }) => speaker)).toEqual(segments.map(() => 'channel 1'));
});

test.each([
  ['language: the model does not know', { language: 'de' }],
  ['task: the model knows English only', { task: 'translate' as const }],
  ['beam_size: this device follows at most 2', { beam_size: 3 }],
  ['suppress_tokens: the model has no token 2510', { suppress_tokens: [2510] }],
])('refused: %s', async (message, options) => {
  await expect(device.transcribe(STANDUP, options)).rejects.toMatchObject({
    code: 'invalid_request',
    message: expect.stringContaining(message),
  });
  expect(prompts).toEqual([]);
  expect(device.slotsInUse()).toEqual([0, 0, 0, 0]);
});

test('English is English, however it is spelled', TIMEOUT, async () => {
  const { text, language, language_probability } = await device.transcribe(VOICEMAIL, {
    ...GREEDY,
    language: 'EN',
  });
  expect({ language, language_probability }).toEqual({
    language: 'en',
    language_probability: null,
  });
  expect(wordErrorRate(textOf(sentencesOf('voicemail.wav')), text).errors).toBe(0);
});
