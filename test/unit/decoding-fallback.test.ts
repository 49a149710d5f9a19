/** Which texts are decoded anew, hotter; and how well a text compresses. */

import { transcriptionOptionsSchema } from '@amanuensis/contract';
import { describe, expect, test } from 'vitest';
import { compressionRatio } from '../../packages/pipeline/src/decoding/compression-ratio.ts';
import { isDoubtful } from '../../packages/pipeline/src/decoding/is-doubtful.ts';
import { hiddenStatesToTokens } from '../../packages/pipeline/src/hidden-states-to-tokens.ts';
import {
  NEVER,
  type NextLogits,
  type RulesParts,
  randomModel,
  ScriptedLanes,
  tinyRules,
} from '../support/scripted-lanes.ts';

const SIGNAL = new AbortController().signal;
const PROMPT = { tokens: [7], startIndex: 0 };
const OPTIONS = transcriptionOptionsSchema.parse({});
const TRUSTED = { avgLogprob: -0.3, noSpeechProb: 0.01, compressionRatio: 1.5 };

describe('a text is doubtful', () => {
  test.each([
    ['not when it is likely and does not repeat itself', {}, false],
    ['when it compresses too well', { compressionRatio: 2.41 }, true],
    ['not at the threshold of compression', { compressionRatio: 2.4 }, false],
    ['when it is unlikely', { avgLogprob: -1.01 }, true],
    ['not at the threshold of likelihood', { avgLogprob: -1 }, false],
    ['not when it is unlikely and silent', { avgLogprob: -1.01, noSpeechProb: 0.61 }, false],
    ['when it is unlikely and may be silent', { avgLogprob: -1.01, noSpeechProb: 0.6 }, true],
    ['not when it is silent, and likely all the same', { noSpeechProb: 0.9 }, false],
    [
      'not when it repeats itself, is unlikely and silent',
      { avgLogprob: -2, noSpeechProb: 0.9, compressionRatio: 9 },
      false,
    ],
    ['when it repeats itself and is silent', { noSpeechProb: 0.9, compressionRatio: 9 }, true],
  ])('%s', (_, quality, doubtful) => {
    expect(isDoubtful({ ...TRUSTED, ...quality }, OPTIONS)).toBe(doubtful);
  });

  const never = { compression_ratio_threshold: null, logprob_threshold: null };
  test.each([
    ['compression', { compression_ratio_threshold: null }, { compressionRatio: 99 }],
    ['likelihood', { logprob_threshold: null }, { avgLogprob: -99 }],
    ['either', never, { compressionRatio: 99, avgLogprob: -99 }],
  ])('never by a threshold of %s that is null', (_, options, quality) => {
    expect(isDoubtful({ ...TRUSTED, ...quality }, { ...OPTIONS, ...options })).toBe(false);
  });

  test('also in silence where no threshold of silence is set, or none of likelihood', () => {
    const silent = { avgLogprob: -2, noSpeechProb: 1, compressionRatio: 9 };
    expect(isDoubtful(silent, { ...OPTIONS, no_speech_threshold: null })).toBe(true);
    expect(isDoubtful(silent, { ...OPTIONS, logprob_threshold: null })).toBe(true);
  });
});

describe('compression ratio', () => {
  // Lengths are those of Python's zlib; Node's finds other matches, and differs by up to 3 %.
  test.each([
    ['a', 1, 9],
    ['hello world', 11, 19],
    ['la '.repeat(40), 120, 14],
    ['The quick brown fox jumps over the lazy dog. '.repeat(3), 135, 55],
    ['ß€ '.repeat(20), 120, 17],
  ])('of %j', (text, bytes, compressed) => {
    expect(Math.abs(compressionRatio(text) / (bytes / compressed) - 1)).toBeLessThan(0.03);
  });

  test('of nothing is 0', () => {
    expect(compressionRatio('')).toBe(0);
  });
});

/** A vocabulary of 7 text tokens and the end, which comes after 4 of them. */
const END = 7;
const unsure: NextLogits = (fed) =>
  fed.length > 4 ? [...Array<number>(7).fill(NEVER), 0] : [...Array<number>(7).fill(0), NEVER];

const decode = (parts: RulesParts, next = unsure, lanes = new ScriptedLanes(next)) =>
  hiddenStatesToTokens(lanes, PROMPT, tinyRules(END, parts), 0, SIGNAL);

describe('temperatures', () => {
  const temperature = [0, 0.2, 0.4];
  // Each of four tokens has a chance of 1/7, and the end is certain.
  const avgLogprob = (4 * Math.log(1 / 7)) / 5;

  test('a text that is trusted is decoded once', async () => {
    const lanes = new ScriptedLanes(unsure);
    const text = await decode({ options: { temperature, logprob_threshold: -2 } }, unsure, lanes);
    expect(text.temperature).toBe(0);
    expect(text.avgLogprob).toBeCloseTo(avgLogprob, 5);
    expect(text.tokenLogprobs).toEqual(Array(4).fill(expect.closeTo(Math.log(1 / 7), 5)));
    expect(lanes.made.map(({ nPrefills }) => nPrefills)).toEqual([1]);
  });

  test('all are tried where none gives a text to trust, and the last one counts', async () => {
    const lanes = new ScriptedLanes(unsure);
    const text = await decode({ options: { temperature, best_of: 3 } }, unsure, lanes);
    expect(text.temperature).toBe(0.4);
    expect(lanes.made.map(({ nPrefills }) => nPrefills)).toEqual([3, 0, 0]);
  });

  test('the first that gives a text to trust is the last', async () => {
    // The likeliest text repeats one token; samples of it do not.
    const repeats: NextLogits = (fed) =>
      fed.length > 24 ? [...Array<number>(7).fill(NEVER), 0] : [0.05, 0, 0, 0, 0, 0, 0, NEVER];
    const options = { temperature, logprob_threshold: null, best_of: 1 };
    const decodeWords = (some: readonly number[]) =>
      decode({ options: { ...options, temperature: [...some] }, decode: toWords }, repeats);
    const text = await decodeWords(temperature);
    expect(text.temperature).toBe(0.2);
    expect(text.compressionRatio).toBeLessThan(2.4);
    expect((await decodeWords([0])).compressionRatio).toBeGreaterThan(2.4);
  });

  test('a beam is followed at 0 only, samples above it only', async () => {
    const lanes = new ScriptedLanes(unsure);
    await decode({ options: { temperature: [0], beam_size: 2, best_of: 5 } }, unsure, lanes);
    expect(lanes.made).toHaveLength(2);
    const samples = new ScriptedLanes(unsure);
    await decode({ options: { temperature: [1], beam_size: 2, best_of: 4 } }, unsure, samples);
    expect(samples.made).toHaveLength(4);
  });

  test('there are no more samples than lanes', async () => {
    const lanes = new ScriptedLanes(unsure, 2);
    await decode({ options: { temperature: [1], best_of: 5 } }, unsure, lanes);
    expect(lanes.made).toHaveLength(2);
  });
});

test('the likeliest of the samples is kept', async () => {
  const chances = [0.1, 0.11, 0.12, 0.13, 0.14, 0.16, 0.24].map(Math.log);
  const oneWord: NextLogits = (fed) =>
    fed.length > 1 ? [...Array<number>(7).fill(NEVER), 0] : [...chances, NEVER];
  const lanes = new ScriptedLanes(oneWord);
  const options = { temperature: [1], logprob_threshold: null, best_of: 5 };
  const { tokens } = await decode({ options }, oneWord, lanes);
  const sampled = lanes.made.map(({ fed }) => fed[1] ?? NaN);
  expect(new Set(sampled).size).toBeGreaterThan(1);
  expect(tokens).toEqual([Math.max(...sampled)]);
});

test('samples are the same for the same seed, and others for another', async () => {
  const next = randomModel(11, END + 1);
  const sample = async (seed: number, windowSeed = 0): Promise<readonly number[]> => {
    const options = { temperature: [1], seed, best_of: 1 };
    const rules = tinyRules(END, { options, maxTokens: 40 });
    const lanes = new ScriptedLanes(next);
    return (await hiddenStatesToTokens(lanes, PROMPT, rules, windowSeed, SIGNAL)).tokens;
  };
  expect(await sample(1)).toEqual(await sample(1));
  expect(await sample(1)).not.toEqual(await sample(2));
  expect(await sample(1)).not.toEqual(await sample(1, 500));
});

/** Each token as a word of its own. */
function toWords(tokens: readonly number[]): string {
  const words = ['alpha', 'brick', 'chess', 'drove', 'eight', 'fjord', 'gulps'];
  return tokens.map((token) => words[token]).join(' ');
}
