import { expect, test } from 'vitest';
import { toWords, wordErrorRate } from '../../apps/cli/src/word-error-rate.ts';

test.each([
  // expected, actual, errors, words
  ['the cat sat', 'the cat sat', 0, 3],
  ['the cat sat', 'the bat sat', 1, 3],
  ['the cat sat', 'the cat sat down', 1, 3],
  ['the cat sat', 'cat sat', 1, 3],
  ['the cat sat', '', 3, 3],
  ['one', 'two three four', 3, 1],
  // Swapped neighbours cost two: there is no transposition.
  ['a b c d', 'b a c d', 2, 4],
  // The cheapest alignment deletes one word; position by position all would be wrong.
  ['a b c d e', 'b c d e', 1, 5],
  ['call me at five five two', 'call me at five two two', 1, 6],
  ['kitten sat in grass today', 'sitting sat on grass', 3, 5],
])('%j heard as %j: %i errors in %i words', (expected, actual, errors, words) => {
  expect(wordErrorRate(expected, actual)).toEqual({ errors, words, rate: errors / words });
});

test('punctuation and case are no errors, apostrophes are part of a word', () => {
  expect(toWords("Don't -- 3:30, O'Brien!")).toEqual(["don't", '3', '30', "o'brien"]);
  expect(wordErrorRate('Hello, Daniel!', 'hello daniel').errors).toBe(0);
  expect(wordErrorRate("don't", 'dont').errors).toBe(1);
});

test('nothing expected: nothing heard is right, anything heard is endlessly wrong', () => {
  expect(wordErrorRate('', '...').rate).toBe(0);
  expect(wordErrorRate('', 'ghost').rate).toBe(Number.POSITIVE_INFINITY);
});
