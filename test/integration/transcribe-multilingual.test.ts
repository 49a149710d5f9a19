/** Multilingual Whispers: languages are detected, given and told to the model, as tasks are. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { hasShared, SAMPLES } from '../support/paths.ts';
import { type Script, writeScriptedWhisper } from '../support/scripted-whisper.ts';
import { joined, writeRecording } from '../support/spoken-recordings.ts';
import { MULTILINGUAL } from '../support/tokenizers.ts';
import { expectInOrder } from '../support/transcript-order.ts';
import { openDevice, promptOf, type TestDevice } from '../support/whisper-device.ts';

const STANDUP = join(SAMPLES, 'standup.wav');
const GREEDY = { temperature: 0 } as const;
const folder = mkdtempSync(join(tmpdir(), 'amanuensis-multilingual-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A German text on a Whisper before large-v3, a Japanese one on a large one. */
const SCRIPTS: readonly Script[] = [
  { language: 'de', text: ' Guten Morgen, schöne Welt.', endSeconds: 2 },
  { language: 'ja', text: '今日は世界。', endSeconds: 3, isLarge: true },
];

const nLanguages = ({ isLarge }: Script): number => (isLarge === true ? 100 : 99);

describe.skipIf(!hasShared(MULTILINGUAL)).each(SCRIPTS)(
  'a Whisper that hears $language',
  (script) => {
    const { language, text, endSeconds, isLarge } = script;
    let device: TestDevice;
    const prompts: (readonly number[])[] = [];
    beforeAll(async () => {
      const model = join(folder, language);
      await writeScriptedWhisper(model, script);
      device = await openDevice({ model, lanesPerJob: 2 });
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

    /** The tokens that steer the model. */
    function start(spoken: string, task: 'transcribe' | 'translate' = 'transcribe'): number[] {
      const { startOfTranscript, languageTokens, ...tokens } = device.model.tokenizer;
      return [startOfTranscript, languageTokens.get(spoken) ?? -1, tokens[task]];
    }
    const detection = () => [device.model.tokenizer.startOfTranscript];

    test('knows its languages', () => {
      const { tokenizer, dimensions } = device.model;
      expect(tokenizer.languageCodes).toHaveLength(nLanguages(script));
      expect(tokenizer.languageCodes.includes('yue')).toBe(isLarge === true);
      expect(dimensions.nMels).toBe(isLarge === true ? 128 : 80);
      expect(tokenizer.lastTimestamp).toBe(dimensions.vocabSize - 1);
    });

    test('detects it once, in the first window', async () => {
      const path = writeRecording(joined('standup.wav', 30, 'standup.wav'));
      const transcript = await device.transcribe(path, GREEDY);
      expect(transcript.language).toBe(language);
      expect(transcript.language_probability).toBeGreaterThan(0.99);
      expect(transcript.text).toBe(`${text}${text}`.trim());
      expect(transcript.segments.map(({ start: at, end }) => [at, end])).toEqual([
        [0, endSeconds],
        [30, 30 + endSeconds],
      ]);
      expect(prompts).toEqual([detection(), start(language), start(language)]);
    });

    test('is told another, in any spelling', async () => {
      const transcript = await device.transcribe(STANDUP, { ...GREEDY, language: 'FR' });
      expect(transcript).toMatchObject({ language: 'fr', language_probability: null });
      expect(prompts).toEqual([start('fr')]);
    });

    test('is told to translate', async () => {
      const { language: spoken } = await device.transcribe(STANDUP, {
        ...GREEDY,
        task: 'translate',
      });
      expect(spoken).toBe(language);
      expect(prompts).toEqual([detection(), start(language, 'translate')]);
    });

    test('is told what comes before it', async () => {
      const options = { ...GREEDY, language, prompt: 'Ja.', hotwords: 'Ähre', prefix: 'So' };
      await device.transcribe(STANDUP, options);
      const { startOfPrev } = device.model.tokenizer;
      const tokens = (told: string) => device.model.tokenizer.encodePrompt(told);
      expect(prompts).toEqual([
        [startOfPrev, ...tokens('Ja.'), ...start(language), ...tokens('So')],
      ]);
    });

    test('times its words', async () => {
      const transcript = await device.transcribe(STANDUP, { ...GREEDY, word_timestamps: true });
      expectInOrder(transcript);
      const words = transcript.segments.flatMap((segment) => segment.words ?? []);
      // Where words are not parted by spaces, each is a token that ends with a whole character.
      const expected =
        language === 'de' ? [' Guten', ' Morgen,', ' schöne', ' Welt.'] : ['今日は', '世界。'];
      expect(words.map(({ word }) => word).join('|')).toBe(expected.join('|'));
    });

    test('detects it side by side before other windows begin', async () => {
      const path = writeRecording(joined('standup.wav', 25, 'standup.wav', 25, 'standup.wav'));
      const { language: spoken } = await device.transcribe(path, { ...GREEDY, mode: 'batched' });
      expect(spoken).toBe(language);
      expect(prompts).toEqual([detection(), ...[1, 2, 3].map(() => start(language))]);
    });

    test('does not take silence for a language', async () => {
      const silent = { no_speech_threshold: 0, logprob_threshold: 0 };
      const transcript = await device.transcribe(STANDUP, { ...GREEDY, ...silent });
      expect(transcript).toMatchObject({ text: '', language: '', language_probability: null });
    });

    test('is refused a language that it does not know', async () => {
      const job = device.transcribe(STANDUP, { language: isLarge === true ? 'tlh' : 'yue' });
      await expect(job).rejects.toMatchObject({ code: 'invalid_request' });
    });
  },
);
