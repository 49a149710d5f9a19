/** The table of languages against the tokens of a published tokenizer. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isLanguageCode, LANGUAGE_CODES, languageName } from '@amanuensis/contract';
import { expect, test } from 'vitest';
import { hasShared, SHARED } from '../support/paths.ts';

const TOKENIZER = 'tokenizer-multilingual/tokenizer.json';

test('100 languages, named in English', () => {
  expect(LANGUAGE_CODES).toHaveLength(100);
  expect(languageName('en')).toBe('english');
  expect(languageName('yue')).toBe('cantonese');
  expect(languageName('xx')).toBe('xx');
  expect(isLanguageCode('de')).toBe(true);
  expect(isLanguageCode('toString')).toBe(false);
});

test.skipIf(!hasShared(TOKENIZER))('the codes are in the order of their tokens', () => {
  const { added_tokens } = JSON.parse(readFileSync(join(SHARED, TOKENIZER), 'utf8')) as {
    added_tokens: { id: number; content: string }[];
  };
  const idOf = new Map(added_tokens.map(({ id, content }) => [content, id]));
  const first = (idOf.get('<|startoftranscript|>') ?? Number.NaN) + 1;
  const ids = LANGUAGE_CODES.slice(0, 99).map((code) => idOf.get(`<|${code}|>`));
  expect(ids).toEqual(Array.from({ length: 99 }, (_, i) => first + i));
});
