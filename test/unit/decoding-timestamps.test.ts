/** Whatever a model says, what the rules of timestamps let through is well formed. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SuppressAtBegin } from '../../packages/pipeline/src/decoding/suppress-at-begin.ts';
import { SuppressTokens } from '../../packages/pipeline/src/decoding/suppress-tokens.ts';
import { TimestampRules } from '../../packages/pipeline/src/decoding/timestamp-rules.ts';
import { hiddenStatesToTokens } from '../../packages/pipeline/src/hidden-states-to-tokens.ts';
import { randomModel, ScriptedLanes, tinyRules } from '../support/scripted-lanes.ts';

// A vocabulary of twenty: text 0 to 6, end 7, control tokens 8 and 9, timestamps 10 to 19.
const END = 7;
const CONTROL = [8, 9];
const FIRST = 10;
const VOCAB_SIZE = 20;
const MAX_INITIAL = 3;
const rules = new TimestampRules({
  endOfText: END,
  firstTimestamp: FIRST,
  maxInitialTimestamp: MAX_INITIAL,
});
const filters = [new SuppressTokens(CONTROL), new SuppressAtBegin([0, END]), rules];
const SIGNAL = new AbortController().signal;

/** `T` for a timestamp, `x` for text. */
const spell = (tokens: readonly number[]): string =>
  tokens.map((token) => (token >= FIRST ? 'T' : 'x')).join('');

const ways = fc.record({
  seed: fc.integer(),
  beam_size: fc.integer({ min: 1, max: 4 }),
  temperature: fc.constantFrom(0, 0, 0.5, 1).map((one) => [one]),
  maxTokens: fc.integer({ min: 1, max: 30 }),
});

test('timestamps are paired, do not go back, and enclose text and time', async () => {
  await fc.assert(
    fc.asyncProperty(ways, async ({ seed, maxTokens, ...options }) => {
      const { tokens } = await hiddenStatesToTokens(
        new ScriptedLanes(randomModel(seed, VOCAB_SIZE)),
        { tokens: [8], startIndex: 0 },
        tinyRules(END, { options, maxTokens, filters }),
        seed,
        SIGNAL,
      );
      expect(spell(tokens)).toMatch(/^T(x+TT)*(x*|x+T)$/);
      expect(tokens.filter((token) => token >= END && token < FIRST)).toEqual([]);
      const times = tokens.filter((token) => token >= FIRST);
      expect(times[0]).toBeLessThanOrEqual(FIRST + MAX_INITIAL);
      for (const [i, time] of times.entries()) {
        const before = times[i - 1] ?? time - 1;
        // Even ones begin a segment, odd ones end it.
        if (i % 2 === 1) expect(time).toBeGreaterThan(before);
        else expect(time).toBeGreaterThanOrEqual(before);
      }
    }),
    { numRuns: 300 },
  );
});

test('text stays possible only while one token of it is likelier than all of time', () => {
  const logits = fc.array(fc.double({ min: -4, max: 4, noNaN: true }), {
    minLength: VOCAB_SIZE,
    maxLength: VOCAB_SIZE,
  });
  const inText = [FIRST + 1, 1, 2];
  fc.assert(
    fc.property(logits, (values) => {
      const row = Float32Array.from(values);
      const possible = [...row.slice(FIRST + 2)];
      const time = Math.log(possible.reduce((sum, logit) => sum + Math.exp(logit), 0));
      const text = Math.max(...row.slice(0, FIRST));
      fc.pre(Math.abs(time - text) > 1e-5);
      rules.apply(row, inText);
      expect([...row.slice(0, FIRST)].some((logit) => logit !== -Infinity)).toBe(text > time);
      expect([...row.slice(FIRST + 2)]).toEqual(possible);
    }),
  );
});

test('begin with the first timestamp alone where no later one may come first', () => {
  const strict = new TimestampRules({
    endOfText: END,
    firstTimestamp: FIRST,
    maxInitialTimestamp: 0,
  });
  const row = new Float32Array(VOCAB_SIZE);
  strict.apply(row, []);
  expect([...row.keys()].filter((token) => row[token] !== -Infinity)).toEqual([FIRST]);
});

test('after the last timestamp comes the same one or the end, then text or the end', () => {
  const last = VOCAB_SIZE - 1;
  const allowed = (sampled: number[]): number[] => {
    const row = Float32Array.from({ length: VOCAB_SIZE }, (_, token) => (token < FIRST ? 5 : 0));
    for (const filter of filters) filter.apply(row, sampled);
    return [...row.keys()].filter((token) => row[token] !== -Infinity);
  };
  expect(allowed([FIRST, 1, last])).toEqual([END, last]);
  expect(allowed([FIRST, 1, last, last])).toEqual([0, 1, 2, 3, 4, 5, 6, END]);
  expect(allowed([FIRST, 1, last, last, 1])).toEqual([0, 1, 2, 3, 4, 5, 6, END]);
});
