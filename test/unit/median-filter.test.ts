import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  MEDIAN_MARGIN,
  medianFilter,
  paddedLength,
  reflectMargins,
} from '../../packages/pipeline/src/kernels/median-filter.ts';

function filter(values: readonly number[]): number[] {
  const row = new Int32Array(paddedLength(values.length));
  row.set(values, MEDIAN_MARGIN);
  reflectMargins(row, values.length);
  const out = new Int32Array(values.length + 1);
  medianFilter(row, values.length, out);
  return [...out.slice(0, values.length)];
}

test('a peak narrower than half the filter goes, an edge stays', () => {
  expect(filter([0, 0, 0, 0, 9, 9, 9, 0, 0, 0, 0])).toEqual(Array(11).fill(0));
  expect(filter([0, 0, 0, 0, 0, 9, 9, 9, 9, 9])).toEqual([0, 0, 0, 0, 0, 9, 9, 9, 9, 9]);
});

test('beyond its ends a row is mirrored, the outermost element not repeated', () => {
  // Around the first lie 4 3 2 |1| 2 3 4, around the last 5 6 7 |8| 7 6 5.
  expect(filter([1, 2, 3, 4, 5, 6, 7, 8])).toEqual([3, 3, 3, 4, 5, 6, 6, 6]);
});

test('a row that cannot be mirrored stays as it is', () => {
  expect(filter([7])).toEqual([7]);
  expect(filter([5, -1, 3])).toEqual([5, -1, 3]);
  expect(filter([5, -1, 3, 2])).toEqual([2, 3, 2, 3]);
});

test('each element is the median of seven, whatever they are', () => {
  const GREATEST = 2 ** 30 - 1;
  const value = fc.oneof(
    fc.integer({ min: -GREATEST, max: GREATEST }),
    fc.integer({ min: -2, max: 2 }),
    fc.constantFrom(-GREATEST, GREATEST),
  );
  fc.assert(
    fc.property(fc.array(value, { minLength: 4, maxLength: 40 }), (values) => {
      const { length } = values;
      const mirrored = (index: number): number =>
        values[index < 0 ? -index : index < length ? index : 2 * (length - 1) - index] ?? NaN;
      const expected = values.map((_, index) => {
        const around = [-3, -2, -1, 0, 1, 2, 3].map((distance) => mirrored(index + distance));
        return around.sort((a, b) => a - b)[3];
      });
      expect(filter(values)).toEqual(expected);
    }),
  );
});
