import { expect, test } from 'vitest';
import {
  canonicalLanguageCode,
  LANGUAGE_NAMES,
} from '../../packages/pipeline/src/tokenizer/languages.ts';

test('a hundred languages, each with a name of its own that Unicode knows the code of', () => {
  expect(LANGUAGE_NAMES.size).toBe(100);
  expect(new Set(LANGUAGE_NAMES.values()).size).toBe(100);
  const english = new Intl.DisplayNames('en', { type: 'language', fallback: 'none' });
  // Javanese has another code today.
  const unknown = [...LANGUAGE_NAMES.keys()].filter((code) => english.of(code) === undefined);
  expect(unknown.filter((code) => code !== 'jw')).toEqual([]);
});

/** Whisper calls these otherwise than Unicode does or did. */
const OWN_NAMES = ['bn', 'ht', 'mi', 'my', 'nn', 'tl'];

test('names are those of the codes', () => {
  const english = new Intl.DisplayNames('en', { type: 'language' });
  for (const [code, name] of LANGUAGE_NAMES) {
    if (!OWN_NAMES.includes(code)) expect(english.of(code)?.toLowerCase()).toBe(name);
  }
  expect(OWN_NAMES.map((code) => LANGUAGE_NAMES.get(code))).toEqual([
    'bengali',
    'haitian creole',
    'maori',
    'myanmar',
    'nynorsk',
    'tagalog',
  ]);
});

test('other spellings of a code lead to the same language', () => {
  expect(canonicalLanguageCode('EN')).toBe('en');
  expect(canonicalLanguageCode('iw')).toBe('he');
  expect(canonicalLanguageCode('jv')).toBe('jw');
});
