import { LANGUAGES } from '@amanuensis/contract';
import { expect, test } from 'vitest';
import { canonicalLanguageCode } from '../../packages/pipeline/src/tokenizer/language-code.ts';

/** Whisper calls these otherwise than Unicode does or did. */
const OWN_NAMES = ['bn', 'ht', 'mi', 'my', 'nn', 'tl'];

test('names are those that Unicode has for the codes', () => {
  const english = new Intl.DisplayNames('en', { type: 'language', fallback: 'none' });
  for (const [code, name] of Object.entries(LANGUAGES)) {
    if (!OWN_NAMES.includes(code)) expect(english.of(code)?.toLowerCase()).toBe(name);
  }
});

test('other spellings of a code lead to the same language', () => {
  expect(canonicalLanguageCode('EN')).toBe('en');
  expect(canonicalLanguageCode('iw')).toBe('he');
  expect(canonicalLanguageCode('jv')).toBe('jw');
});
