import { expect, test } from 'vitest';
import { SuppressAtBegin } from '../../packages/pipeline/src/decoding/suppress-at-begin.ts';
import { SuppressTokens } from '../../packages/pipeline/src/decoding/suppress-tokens.ts';
import { TimestampRules } from '../../packages/pipeline/src/decoding/timestamp-rules.ts';

// A vocabulary of ten: text 0 to 3, end 4, one control token 5, timestamps 6 to 9.
const TEXT = [0, 1, 2, 3];
const END = 4;
const FIRST = 6;
const rules = new TimestampRules({ endOfText: END, firstTimestamp: FIRST, maxInitialTimestamp: 2 });

/** Tokens that the rules leave possible, from logits that favour text. */
function allowed(sampled: number[], logits = [5, 4, 3, 2, 1, 0, 0, 0, 0, 0]): number[] {
  const row = Float32Array.from(logits);
  rules.apply(row, sampled);
  return [...row.keys()].filter((token) => row[token] !== -Infinity);
}

test('a window begins with a timestamp, and not with a late one', () => {
  expect(allowed([])).toEqual([6, 7, 8]);
});

test('text follows the first timestamp', () => {
  expect(allowed([6])).toEqual([...TEXT, END, 5]);
});

test('after text and no closing timestamp anything but the past may come', () => {
  expect(allowed([7, 1])).toEqual([...TEXT, END, 5, 8, 9]);
});

test('after text and one timestamp comes a timestamp, the same one too, or the end', () => {
  expect(allowed([6, 1, 8])).toEqual([END, 5, 8, 9]);
});

test('after a closed pair comes text', () => {
  expect(allowed([6, 1, 8, 8])).toEqual([...TEXT, END, 5]);
});

test('a segment is not of zero length', () => {
  expect(allowed([6, 1, 8, 8, 2])).not.toContain(8);
  expect(allowed([6, 1, 8, 8, 2])).toContain(9);
});

test('a timestamp must come when all of them together are likelier than any text token', () => {
  const even = Math.log(0.3);
  const logits = [Math.log(0.5), -9, -9, -9, -9, -9, -9, -9, even, even];
  expect(allowed([7, 1], logits)).toEqual([8, 9]);
  const weaker = Math.log(0.2);
  expect(allowed([7, 1], [...logits.slice(0, 8), weaker, weaker])).toContain(0);
});

test('suppressed tokens never come; those of the beginning may come later', () => {
  const row = new Float32Array(10);
  new SuppressTokens([2, 5]).apply(row);
  new SuppressAtBegin([3, END]).apply(row, []);
  expect([...row.keys()].filter((token) => row[token] === -Infinity)).toEqual([2, 3, 4, 5]);
  const later = new Float32Array(10);
  new SuppressAtBegin([3, END]).apply(later, [6]);
  expect([...later]).toEqual(Array(10).fill(0));
});
