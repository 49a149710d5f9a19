import { expect, test } from 'vitest';
import { mergePunctuations } from '../../packages/pipeline/src/alignment/merge-punctuations.ts';
import type { TimedWord } from '../../packages/pipeline/src/alignment/timed-word.ts';

const PUNCTUATIONS = { prepended: '"\'“¿([{-', appended: '"\'.。,，!！?？:：”)]}、' };

const said = (...words: readonly string[]): TimedWord[] =>
  words.map((word, index) => ({
    word,
    tokens: [index],
    startFrame: 10 * index,
    endFrame: 10 * index + 10,
    probability: index / 100,
  }));

const merged = (...words: readonly string[]): string[] =>
  mergePunctuations(said(...words), PUNCTUATIONS).map(({ word }) => word);

test('a word gains text and tokens, and keeps its times and its probability', () => {
  expect(mergePunctuations(said(' "', ' Hello', ',', '"'), PUNCTUATIONS)).toEqual([
    { word: ' " Hello,"', tokens: [0, 1, 2, 3], startFrame: 10, endFrame: 20, probability: 0.01 },
  ]);
});

test('a word of punctuation after a space belongs to the next word, else to the one before', () => {
  expect(merged(' say', ' (', 'yes', ')', ' now')).toEqual([' say', ' (yes)', ' now']);
  expect(merged(' ¿', 'qué', '?', '!')).toEqual([' ¿qué?!']);
  expect(merged(' a', ' -', ' [', 'b', ']', '.')).toEqual([' a', ' - [b].']);
  expect(merged('你', '好', '。', '我')).toEqual(['你', '好。', '我']);
});

test('what has no such neighbour stays alone', () => {
  expect(merged('.', ' a')).toEqual(['.', ' a']);
  expect(merged(' a', ' (')).toEqual([' a', ' (']);
  expect(merged()).toEqual([]);
});

test('only listed punctuation is merged, and a word that ends with a space gains none', () => {
  expect(merged(' a', '%', ' &', ' b')).toEqual([' a', '%', ' &', ' b']);
  expect(merged('a ', '.')).toEqual(['a ', '.']);
  const none = mergePunctuations(said(' (', 'a', '.'), { prepended: '', appended: '' });
  expect(none.map(({ word }) => word)).toEqual([' (', 'a', '.']);
});

test('a space alone belongs to the word after it, and nothing to the word before', () => {
  expect(merged(' a', ' ', 'b')).toEqual([' a', ' b']);
  expect(merged(' a', '', 'b')).toEqual([' a', 'b']);
});
