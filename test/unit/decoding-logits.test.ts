/** Numerics over logits: sums of exponentials, the greatest ones, a throw of the dice. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expOfNegative } from '../../packages/pipeline/src/kernels/exp.ts';
import { argMax, indexAt, logSumExp, maxOf } from '../../packages/pipeline/src/kernels/logits.ts';
import { likeliest } from '../../packages/pipeline/src/kernels/top-k.ts';

const row = (...logits: number[]): Float32Array => Float32Array.from(logits);
/** Rows as filters leave them: some tokens are not possible. */
const rows = fc
  .array(
    fc.oneof({ weight: 4, arbitrary: fc.integer({ min: -40, max: 40 }) }, fc.constant(-Infinity)),
    {
      minLength: 1,
      maxLength: 60,
    },
  )
  .map((values) => Float32Array.from(values, (value) => value / 3));

describe('e^x of what is not positive', () => {
  test('is that of Math.exp to 1 part in 10^9', () => {
    let worst = 0;
    for (let x = 0; x > -44; x -= 0.000_93) {
      worst = Math.max(worst, Math.abs(expOfNegative(x) / Math.exp(x) - 1));
    }
    expect(worst).toBeLessThan(1e-9);
  });

  test('is exact at 0, 0 far below it, and passes NaN on', () => {
    expect(expOfNegative(0)).toBe(1);
    expect(expOfNegative(-45)).toBe(0);
    expect(expOfNegative(-Infinity)).toBe(0);
    expect(expOfNegative(NaN)).toBeNaN();
  });
});

describe('log of the sum of exponentials', () => {
  test('of probabilities is the log of their sum', () => {
    const logits = row(9, Math.log(0.5), Math.log(0.25), Math.log(0.125), 9);
    expect(logSumExp(logits, 1, 4)).toBeCloseTo(Math.log(0.875), 6);
    expect(maxOf(logits, 1, 4)).toBeCloseTo(Math.log(0.5), 6);
  });

  test('does not overflow', () => {
    expect(logSumExp(row(1000, 1000), 0, 2)).toBeCloseTo(1000 + Math.LN2, 6);
  });

  test('is -Infinity where nothing is possible, and NaN where a device answered that', () => {
    expect(logSumExp(row(-Infinity, -Infinity), 0, 2)).toBe(-Infinity);
    expect(logSumExp(row(), 0, 0)).toBe(-Infinity);
    expect(logSumExp(row(NaN, NaN), 0, 2)).toBeNaN();
    expect(logSumExp(row(-Infinity, NaN), 0, 2)).toBeNaN();
    expect(logSumExp(row(1, NaN), 0, 2)).toBeNaN();
    expect(logSumExp(row(Infinity, 1), 0, 2)).toBeNaN();
  });

  test('is that of the plain sum', () => {
    fc.assert(
      fc.property(rows, (logits) => {
        const plain = Math.log([...logits].reduce((sum, logit) => sum + Math.exp(logit), 0));
        const sum = logSumExp(logits, 0, logits.length);
        if (plain === -Infinity) expect(sum).toBe(-Infinity);
        else expect(sum).toBeCloseTo(plain, 8);
      }),
    );
  });
});

describe('the greatest', () => {
  test('of equal ones is the first', () => {
    expect(argMax(row(1, 3, 3, 2))).toBe(1);
    expect(likeliest(row(1, 3, 3, 2), 3)).toEqual([1, 2, 3]);
  });

  test('are found in order, those that are not possible never', () => {
    expect(likeliest(row(-Infinity, 2, 5, -Infinity, 3), 2)).toEqual([2, 4]);
    expect(likeliest(row(-Infinity, 2, 5, -Infinity, 3), 5)).toEqual([2, 4, 1]);
    expect(likeliest(row(-Infinity, -Infinity), 2)).toEqual([]);
  });

  test('are those of a sorted list', () => {
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 8 }), (logits, k) => {
        const sorted = [...logits.keys()]
          .filter((i) => logits[i] !== -Infinity)
          .sort((a, b) => (logits[b] ?? 0) - (logits[a] ?? 0) || a - b);
        expect(likeliest(logits, k)).toEqual(sorted.slice(0, k));
        if (sorted.length > 0) expect(argMax(logits)).toBe(sorted[0]);
      }),
    );
  });
});

describe('a throw', () => {
  const half = row(Math.log(0.5), -Infinity, Math.log(0.25), Math.log(0.25));

  test.each([
    [0, 0],
    [0.499, 0],
    [0.501, 2],
    [0.749, 2],
    [0.751, 3],
    [1 - 2 ** -32, 3],
  ])('of %f hits the token whose share it falls into', (thrown, token) => {
    expect(indexAt(thrown, half, 1)).toBe(token);
  });

  test('at half the temperature falls into the squares of the shares', () => {
    // 0.25 : 0.0625 : 0.0625 are 2/3, 1/6 and 1/6 of their sum.
    expect([0.66, 0.67, 0.83, 0.84].map((thrown) => indexAt(thrown, half, 0.5))).toEqual([
      0, 2, 2, 3,
    ]);
  });

  test('hits the last token that has a share where rounding leaves something over', () => {
    expect(indexAt(1, row(0, 0, -Infinity, -Infinity), 1)).toBe(1);
  });

  test('never hits what is not possible', () => {
    const thrown = fc.integer({ min: 0, max: 2 ** 32 - 1 }).map((value) => value / 2 ** 32);
    const temperatures = fc.double({ min: 1e-3, max: 1, noNaN: true });
    fc.assert(
      fc.property(rows, thrown, temperatures, (logits, at, temperature) => {
        fc.pre(logits.some((logit) => logit !== -Infinity));
        expect(logits[indexAt(at, logits, temperature)]).not.toBe(-Infinity);
      }),
    );
  });
});
