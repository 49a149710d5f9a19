/** Greedy decoding, random samples, and which of several texts is the best. */

import { expect, test } from 'vitest';
import { Hypothesis } from '../../packages/pipeline/src/decoding/hypothesis.ts';
import { IndependentSearch } from '../../packages/pipeline/src/decoding/independent-search.ts';
import { randomNumbers, seedOf } from '../../packages/pipeline/src/decoding/random-numbers.ts';
import {
  bestHypothesis,
  lengthPenalty,
} from '../../packages/pipeline/src/decoding/rank-hypotheses.ts';
import { samplingChoice } from '../../packages/pipeline/src/decoding/sample-token.ts';
import { argMax } from '../../packages/pipeline/src/kernels/logits.ts';
import { NEVER, ScriptedLane } from '../support/scripted-lanes.ts';

const END = 3;

function hypothesis(...logits: number[]): Hypothesis {
  const lane = new ScriptedLane(() => logits);
  lane.logits.set(logits);
  return new Hypothesis(lane);
}

const chances = (...values: number[]): number[] => values.map(Math.log);

test('the likeliest token is added with its log-probability', () => {
  const one = hypothesis(...chances(0.2, 0.5, 0.2, 0.1));
  const search = new IndependentSearch(argMax, END);
  expect(search.advance([one])).toEqual([one]);
  expect(search.advance([one])).toEqual([one]);
  expect(one.tokens).toEqual([1, 1]);
  expect(one.logprobs).toEqual([
    expect.closeTo(Math.log(0.5), 6),
    expect.closeTo(Math.log(0.5), 6),
  ]);
  expect(one.sumLogprob).toBeCloseTo(2 * Math.log(0.5), 6);
  expect(search.finish([one])).toEqual([one]);
});

test('the end is no token of a text, but counts in its sum and its mean', () => {
  const one = hypothesis(...chances(0.2, 0.1, 0.1, 0.6));
  one.add(1, -0.5);
  const search = new IndependentSearch(argMax, END);
  expect(search.advance([one])).toEqual([]);
  expect(one.tokens).toEqual([1]);
  expect(one.logprobs).toEqual([-0.5]);
  expect(one.sumLogprob).toBeCloseTo(Math.log(0.6) - 0.5, 6);
  expect(one.avgLogprob).toBeCloseTo((Math.log(0.6) - 0.5) / 2, 6);
  expect(search.finish([])).toEqual([one]);
});

test('of several hypotheses some end and the others go on', () => {
  const [ends, goesOn] = [hypothesis(0, 0, 0, 1), hypothesis(0, 1, 0, 0)];
  const search = new IndependentSearch(argMax, END);
  expect(search.advance([ends, goesOn])).toEqual([goesOn]);
  expect(search.finish([goesOn])).toEqual([ends, goesOn]);
});

test('a text ends where nothing is left to go on with', () => {
  const one = hypothesis(NEVER, NEVER, NEVER, NEVER);
  one.add(2, -1);
  const search = new IndependentSearch(argMax, END);
  expect(search.advance([one])).toEqual([]);
  expect(search.finish([])).toEqual([one]);
  expect(one.sumLogprob).toBe(-1);
});

test('a device that answers NaN has failed', () => {
  const search = new IndependentSearch(argMax, END);
  const failed = expect.objectContaining({ code: 'run_failed' });
  expect(() => search.advance([hypothesis(0, NaN, 0, 0)])).toThrow(failed);
  expect(() => search.advance([hypothesis(NaN, NaN, NaN, NaN)])).toThrow(failed);
});

test('random numbers are those of mulberry32, the same for the same seed', () => {
  const [one, again, other] = [randomNumbers(42), randomNumbers(42), randomNumbers(43)];
  const numbers = Array.from({ length: 3 }, () => one());
  expect(numbers).toEqual([0.6011037519201636, 0.44829055899754167, 0.8524657934904099]);
  expect(Array.from({ length: 3 }, () => again())).toEqual(numbers);
  expect(other()).not.toBe(numbers[0]);
});

test('seeds of different windows, temperatures and jobs differ, and so do their first numbers', () => {
  const firsts = new Set<number>();
  for (let job = 0; job < 10; job++) {
    for (let frame = 0; frame < 90_000; frame += 500) {
      for (const temperature of [0.2, 0.4, 0.6, 0.8, 1]) {
        firsts.add(randomNumbers(seedOf(job, frame, Math.round(temperature * 1e6)))());
      }
    }
  }
  expect(firsts.size).toBe(10 * 180 * 5);
});

/** How often each of three tokens comes in many throws. */
function shares(temperature: number, seed: number): number[] {
  const choose = samplingChoice(temperature, seed);
  const logits = Float32Array.from([...chances(0.6, 0.3, 0.1), NEVER]);
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < N_THROWS; i++) {
    const token = choose(logits);
    counts[token] = (counts[token] ?? 0) + 1;
  }
  return counts.map((count) => count / N_THROWS);
}
const N_THROWS = 40_000;
/** Four standard deviations of a share of a half. */
const TOLERANCE = 4 * Math.sqrt(0.25 / N_THROWS);

test.each([
  [1, [0.6, 0.3, 0.1]],
  [0.5, [0.36 / 0.46, 0.09 / 0.46, 0.01 / 0.46]],
])(
  'at temperature %f tokens come as often as softmax(logits / temperature) says',
  (at, expected) => {
    const found = shares(at, 1);
    for (const [token, share] of expected.entries()) {
      expect(Math.abs((found[token] ?? NaN) - share)).toBeLessThan(TOLERANCE);
    }
    expect(found[3]).toBe(0);
  },
);

test('close to temperature 0 the likeliest token comes', () => {
  expect(shares(1e-4, 1)).toEqual([1, 0, 0, 0]);
});

test('a sampled token counts with its probability at temperature 1', () => {
  const one = hypothesis(...chances(0.5, 0.25, 0.25), NEVER);
  new IndependentSearch(samplingChoice(0.2, 7), END).advance([one]);
  const [token = 0] = one.tokens;
  expect(one.sumLogprob).toBeCloseTo(Math.log([0.5, 0.25, 0.25][token] ?? NaN), 6);
});

/** A text of so many tokens. */
function text(nTokens: number, sumLogprob: number): Hypothesis {
  const one = hypothesis(0);
  for (let i = 0; i < nTokens; i++) one.add(0, 0);
  one.sumLogprob = sumLogprob;
  return one;
}

test('the best text has the greatest mean, the first of equal ones', () => {
  const [short, long, same] = [text(2, -3), text(10, -10), text(5, -5)];
  expect(bestHypothesis([short, long, same], lengthPenalty(undefined))).toBe(long);
  expect(bestHypothesis([short, same, long], lengthPenalty(undefined))).toBe(same);
});

test("Google's penalty favours long texts less, and at 0 not at all", () => {
  const [short, long] = [text(1, -3), text(13, -4)];
  // ((5 + 1) / 6)^1 is 1, ((5 + 13) / 6)^1 is 3.
  expect(lengthPenalty(1)(1)).toBe(1);
  expect(lengthPenalty(1)(13)).toBe(3);
  expect(lengthPenalty(0.5)(13)).toBeCloseTo(Math.sqrt(3), 12);
  expect(bestHypothesis([short, long], lengthPenalty(1))).toBe(long);
  expect(bestHypothesis([short, long], lengthPenalty(0))).toBe(short);
});

test('an empty text is ranked as if it had one token', () => {
  const [empty, poor, good] = [text(0, -1), text(2, -4), text(2, -1)];
  expect(bestHypothesis([poor, empty], lengthPenalty(undefined))).toBe(empty);
  expect(bestHypothesis([empty, good], lengthPenalty(undefined))).toBe(good);
});
