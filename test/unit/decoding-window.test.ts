/** One window: how long its text may be, what is read before it, and how it fails. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { detectLanguage } from '../../packages/pipeline/src/decoding/detect-language.ts';
import { hiddenStatesToTokens } from '../../packages/pipeline/src/hidden-states-to-tokens.ts';
import {
  NEVER,
  type NextLogits,
  ScriptedLane,
  ScriptedLanes,
  tinyRules,
} from '../support/scripted-lanes.ts';

const SIGNAL = new AbortController().signal;
const END = 2;
const endless: NextLogits = () => [0.1, 0, NEVER];
const failed = { code: 'run_failed' };

const promptOf = (length: number) => ({ tokens: Array<number>(length).fill(0), startIndex: 0 });

test('prompt and text together never take more positions than the decoder has', async () => {
  const ways = fc.record({
    length: fc.integer({ min: 1, max: 228 }),
    beam_size: fc.integer({ min: 1, max: 3 }),
    temperature: fc.constantFrom<number[]>([0], [1]),
  });
  await fc.assert(
    fc.asyncProperty(ways, async ({ length, ...options }) => {
      const lanes = new ScriptedLanes(endless);
      const rules = tinyRules(END, { options: { ...options, logprob_threshold: null } });
      const { tokens } = await hiddenStatesToTokens(lanes, promptOf(length), rules, 0, SIGNAL);
      expect(tokens).toHaveLength(Math.min(224, 448 - length));
      for (const { fed } of lanes.made) expect(fed.length).toBeLessThanOrEqual(448);
    }),
    { numRuns: 20 },
  );
});

test('the chance of no speech is read after start-of-transcript, before any filter', async () => {
  const next: NextLogits = (fed) =>
    fed.at(-1) === 5 ? [0.6, 0.3, 0.1].map(Math.log) : [NEVER, NEVER, 0];
  const rules = tinyRules(END, {
    noSpeech: 1,
    filters: [{ apply: (logits) => void logits.fill(NEVER, 0, 2) }],
  });
  const prompt = { tokens: [4, 4, 5, 6], startIndex: 2 };
  const window = await hiddenStatesToTokens(new ScriptedLanes(next), prompt, rules, 0, SIGNAL);
  expect(window.noSpeechProb).toBeCloseTo(0.3, 6);
  expect(window).toMatchObject({ tokens: [], compressionRatio: 0, avgLogprob: 0 });
});

test('a canceled window is not begun', async () => {
  const signal = AbortSignal.abort(new Error('canceled'));
  const lanes = new ScriptedLanes(endless);
  const window = hiddenStatesToTokens(lanes, promptOf(1), tinyRules(END), 0, signal);
  await expect(window).rejects.toThrow('canceled');
});

test.each([
  ['the prompt', 0],
  ['a step', 3],
])('a device that answers NaN after %s has failed', async (_, nSteps) => {
  for (const beam_size of [1, 2]) {
    const lanes = new ScriptedLanes((fed) => (fed.length > nSteps ? [NaN, NaN, NaN] : [1, 0, 0]));
    const rules = tinyRules(END, { options: { beam_size } });
    const window = hiddenStatesToTokens(lanes, promptOf(1), rules, 0, SIGNAL);
    await expect(window).rejects.toMatchObject(failed);
  }
});

test('where one step fails, the others are waited for: their lanes are in use', async () => {
  const lanes = new ScriptedLanes(endless, 2);
  const [slow, failing] = [lanes.lane(0), lanes.lane(1)];
  let finish = (): void => {};
  const underWay = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const begun = new Promise<void>((resolve) => {
    slow.step = () => {
      resolve();
      return underWay;
    };
  });
  failing.step = () => Promise.reject(new Error('failed'));
  let isOver = false;
  const rules = tinyRules(END, { options: { beam_size: 2 } });
  const window = hiddenStatesToTokens(lanes, promptOf(1), rules, 0, SIGNAL).finally(() => {
    isOver = true;
  });
  const rejected = expect(window).rejects.toThrow('failed');
  await begun;
  await new Promise((resolve) => setImmediate(resolve));
  expect(isOver).toBe(false);
  finish();
  await rejected;
});

describe('language', () => {
  const START = 1;
  const LANGUAGES = {
    startOfTranscript: START,
    languageTokens: new Map(Object.entries({ en: 2, de: 3, fr: 4 })),
  };
  const detect = (logits: readonly number[]) => {
    const lane = new ScriptedLane(() => logits);
    return detectLanguage(lane, LANGUAGES, SIGNAL).then((detected) => ({ ...detected, lane }));
  };

  test('is that of the likeliest of all language tokens, with its share of them', async () => {
    // What is no language is likelier, and does not count.
    const found = await detect([0.3, 0.3, 0.1, 0.25, 0.05].map(Math.log));
    expect(found).toMatchObject({ language: 'de', probability: expect.closeTo(0.25 / 0.4, 6) });
    expect(found.lane.fed).toEqual([START]);
  });

  test('is found where all languages are unlikely', async () => {
    expect(await detect([0, 300, -100, -90, -100])).toMatchObject({
      language: 'de',
      probability: expect.closeTo(1, 3),
    });
  });

  test('is not guessed from what is no number', async () => {
    await expect(detect([0, 0, NaN, NaN, NaN])).rejects.toMatchObject(failed);
  });
});
