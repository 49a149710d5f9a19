import { expect, test } from 'vitest';
import {
  type PromptOptions,
  promptTokens,
} from '../../packages/pipeline/src/tokenizer/prompt-tokens.ts';
import type { SpecialTokens } from '../../packages/pipeline/src/tokenizer/special-tokens.ts';

const MULTILINGUAL: SpecialTokens = {
  endOfText: 100,
  startOfTranscript: 101,
  languageTokens: new Map([
    ['en', 102],
    ['he', 103],
  ]),
  translate: 104,
  transcribe: 105,
  startOfLm: 106,
  startOfPrev: 107,
  noSpeech: 108,
  noTimestamps: 109,
  firstTimestamp: 110,
  lastTimestamp: 1610,
  isMultilingual: true,
};
const ENGLISH_ONLY = { ...MULTILINGUAL, languageTokens: new Map(), isMultilingual: false };
const OPTIONS: PromptOptions = {
  language: 'en',
  task: 'transcribe',
  withoutTimestamps: false,
  previousTokens: [],
  hotwordTokens: [],
  prefixTokens: [],
  maxPromptTokens: 4,
};

/** Tokens before `startOfTranscript` | from it on. */
function prompt(options: Partial<PromptOptions>, special = MULTILINGUAL): [number[], number[]] {
  const { tokens, startIndex } = promptTokens(special, { ...OPTIONS, ...options });
  return [tokens.slice(0, startIndex), tokens.slice(startIndex)];
}

test('without any text: language, task, and whether there are timestamps', () => {
  expect(prompt({})).toEqual([[], [101, 102, 105]]);
  expect(prompt({ language: 'he', task: 'translate' })).toEqual([[], [101, 103, 104]]);
  expect(prompt({ withoutTimestamps: true })).toEqual([[], [101, 102, 105, 109]]);
});

test('an English-only model is told neither language nor task', () => {
  expect(prompt({}, ENGLISH_ONLY)).toEqual([[], [101]]);
  const options = { language: 'he', task: 'translate', withoutTimestamps: true } as const;
  expect(prompt(options, ENGLISH_ONLY)).toEqual([[], [101, 109]]);
});

test('a language that the model does not know is refused', () => {
  expect(() => prompt({ language: 'de' })).toThrow(
    expect.objectContaining({ code: 'invalid_request', message: expect.stringContaining('"de"') }),
  );
  expect(prompt({ language: 'iw' })).toEqual(prompt({ language: 'he' }));
});

test('of the previous text the end is kept', () => {
  expect(prompt({ previousTokens: [1, 2] })).toEqual([
    [107, 1, 2],
    [101, 102, 105],
  ]);
  expect(prompt({ previousTokens: [1, 2, 3, 4, 5, 6] })[0]).toEqual([107, 3, 4, 5, 6]);
});

test('hotwords come first, and the previous text has what they leave', () => {
  expect(prompt({ hotwordTokens: [8, 9] })[0]).toEqual([107, 8, 9]);
  expect(prompt({ hotwordTokens: [8, 9], previousTokens: [1, 2, 3] })[0]).toEqual([
    107, 8, 9, 2, 3,
  ]);
  const many = { hotwordTokens: [5, 6, 7, 8, 9], previousTokens: [1] };
  expect(prompt(many)[0]).toEqual([107, 5, 6, 7, 8]);
});

test('a prefix follows all else, of which the end is kept, and leaves hotwords out', () => {
  const prefix = { prefixTokens: [21, 22], previousTokens: [1, 2, 3] };
  expect(prompt({ ...prefix, hotwordTokens: [8], withoutTimestamps: true })).toEqual([
    [107, 2, 3],
    [101, 102, 105, 109, 21, 22],
  ]);
  expect(prompt({ prefixTokens: [21, 22, 23, 24, 25], previousTokens: [1] })).toEqual([
    [],
    [101, 102, 105, 22, 23, 24, 25],
  ]);
});

test('text takes at most its share, whatever there is of it', () => {
  const long = Array.from({ length: 1_000 }, (_, index) => index % 100);
  for (const prefixTokens of [[], long]) {
    const texts = { previousTokens: long, hotwordTokens: long, prefixTokens };
    const { tokens } = promptTokens(MULTILINGUAL, {
      ...OPTIONS,
      ...texts,
      withoutTimestamps: true,
      maxPromptTokens: 223,
    });
    expect(tokens.filter((token) => token < 100)).toHaveLength(223);
    expect(tokens.length).toBeLessThanOrEqual(223 + 5);
  }
});
