import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readGenerationConfig } from '../../packages/pipeline/src/model/whisper-config.ts';
import { nonSpeechTokens } from '../../packages/pipeline/src/tokenizer/non-speech-tokens.ts';
import { hasShared, SHARED } from '../support/paths.ts';
import {
  ENGLISH_ONLY,
  MULTILINGUAL,
  openDemoTokenizer,
  openPublishedTokenizer,
} from '../support/tokenizers.ts';

test('single tokens of symbols, and the first token of a note that takes several', () => {
  const vocabulary = new Map([
    ['(', [7]],
    [' (', [3]],
    ['♪', [5, 6]],
    [' ♪', [4, 5, 6]],
    ['♪♪', [5, 6, 5, 6]],
    [' -', [9]],
    ['-', [2]],
    [" '", [1]],
    ['[', [10, 11]],
  ]);
  expect(nonSpeechTokens((text) => vocabulary.get(text) ?? [])).toEqual([1, 3, 4, 5, 7, 9]);
});

test.skipIf(!hasShared(ENGLISH_ONLY))(
  `what a published English-only model suppresses (../shared/${ENGLISH_ONLY})`,
  async () => {
    const tokenizer = await openPublishedTokenizer(ENGLISH_ONLY);
    const { suppress_tokens, begin_suppress_tokens } = await readGenerationConfig(
      join(SHARED, ENGLISH_ONLY),
    );
    const published = suppress_tokens?.filter((token) => token < tokenizer.endOfText);
    expect(published).toHaveLength(84);
    expect(tokenizer.nonSpeechTokens()).toEqual(published);
    expect(tokenizer.blankTokens()).toEqual(begin_suppress_tokens);
  },
);

test.skipIf(!hasShared(MULTILINGUAL))(
  `beginnings of what multilingual models suppress (../shared/${MULTILINGUAL})`,
  async () => {
    const tokenizer = await openPublishedTokenizer(MULTILINGUAL);
    const tokens = tokenizer.nonSpeechTokens();
    expect(tokens).toHaveLength(82);
    expect(tokens.slice(0, 10)).toEqual([1, 2, 7, 8, 9, 10, 14, 25, 26, 27]);
    expect(tokenizer.blankTokens()).toEqual([220, 50_257]);
  },
);

test('the blank of the demonstration model is what its files say', async () => {
  const tokenizer = await openDemoTokenizer();
  expect(tokenizer.blankTokens()).toEqual([220, 1_000]);
  expect(tokenizer.nonSpeechTokens().every((token) => token < tokenizer.endOfText)).toBe(true);
});
