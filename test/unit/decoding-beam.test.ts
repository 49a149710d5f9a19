/** Beam search: the likeliest texts are kept, and each has a lane of its own. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BeamSearch } from '../../packages/pipeline/src/decoding/beam-search.ts';
import { Hypothesis } from '../../packages/pipeline/src/decoding/hypothesis.ts';
import { hiddenStatesToTokens } from '../../packages/pipeline/src/hidden-states-to-tokens.ts';
import {
  NEVER,
  type NextLogits,
  randomModel,
  ScriptedLanes,
  tinyRules,
} from '../support/scripted-lanes.ts';

const SIGNAL = new AbortController().signal;
const PROMPT = { tokens: [9], startIndex: 0 };
const [A, B, END] = [0, 1, 2];

/** A search over the vocabulary A, B, END, with its lanes. */
function beam(beamSize: number, next: NextLogits, patience = 1) {
  const lanes = new ScriptedLanes(next, beamSize);
  const options = { beamSize, patience, endOfText: END, promptLength: 1 };
  const search = new BeamSearch({ ...options, lane: (index) => lanes.lane(index) });
  return { lanes, search };
}

/** Its first hypothesis, after the prompt. */
async function begin({ lanes }: ReturnType<typeof beam>): Promise<readonly Hypothesis[]> {
  await lanes.lane(0).prefill(PROMPT.tokens, 0, SIGNAL);
  return [new Hypothesis(lanes.lane(0))];
}

async function step(living: readonly Hypothesis[]): Promise<void> {
  for (const { lane, tokens } of living) {
    await lane.step(tokens.at(-1) ?? 0, PROMPT.tokens.length + tokens.length - 1, SIGNAL);
  }
}

const chances = (...values: number[]): number[] => values.map(Math.log);
const tokensOf = (some: readonly Hypothesis[]): readonly (readonly number[])[] =>
  some.map(({ tokens }) => tokens);

/** A is likelier than B; what follows B is much likelier than what follows A. */
const TRAP: NextLogits = (fed) => {
  if (fed.length === 1) return chances(0.6, 0.4, 0);
  return fed[1] === A ? chances(0.3, 0.3, 0.4) : chances(0.05, 0.05, 0.9);
};

test('a text that begins with a less likely token may be the likeliest', async () => {
  const { tokens, avgLogprob } = await hiddenStatesToTokens(
    new ScriptedLanes(TRAP, 2),
    PROMPT,
    tinyRules(END, { options: { beam_size: 2 } }),
    0,
    SIGNAL,
  );
  expect(tokens).toEqual([B]);
  expect(avgLogprob).toBeCloseTo(Math.log(0.4 * 0.9) / 2, 6);
  const greedy = await hiddenStatesToTokens(
    new ScriptedLanes(TRAP, 1),
    PROMPT,
    tinyRules(END),
    0,
    SIGNAL,
  );
  expect(greedy.tokens).toEqual([A]);
});

test('of all continuations the likeliest are kept, whoever they go on from', async () => {
  const two = beam(2, TRAP);
  const first = two.search.advance(await begin(two));
  expect(tokensOf(first)).toEqual([[A], [B]]);
  await step(first);
  // A A and A B: 0.18 each; B A and B B: 0.02 each; both ends: 0.24 and 0.36.
  expect(two.search.advance(first)).toEqual([]);
  const ended = two.search.finish([]);
  expect(tokensOf(ended)).toEqual([[B], [A]]);
  expect(ended.map(({ sumLogprob }) => Math.exp(sumLogprob))).toEqual([
    expect.closeTo(0.36, 6),
    expect.closeTo(0.24, 6),
  ]);
});

test('a first child goes on in the lane of its source, others in lanes that are free', async () => {
  // After A anything may come; B is dead.
  const three = beam(3, (fed) =>
    fed.at(-1) === B ? chances(0, 0, 0.001) : [...chances(0.6, 0.3), NEVER],
  );
  const first = three.search.advance(await begin(three));
  expect(first.map(({ lane }) => lane)).toEqual([three.lanes.lane(0), three.lanes.lane(1)]);
  await step(first);
  const second = three.search.advance(first);
  expect(tokensOf(second)).toEqual([
    [A, A],
    [A, B],
  ]);
  const [kept, copied] = second.map(({ lane }) => lane);
  expect(kept).toBe(three.lanes.lane(0));
  expect(copied).toBe(three.lanes.lane(1));
  expect(three.lanes.lane(1).fed).toEqual([9, A]);
});

test('the search is over when beam size times patience texts have ended', async () => {
  const ends: NextLogits = () => chances(0.35, 0.25, 0.4);
  const count = async (patience: number): Promise<number> => {
    const two = beam(2, ends, patience);
    let living = two.search.advance(await begin(two));
    while (living.length > 0) {
      await step(living);
      living = two.search.advance(living);
    }
    return two.search.finish([]).length;
  };
  expect(await count(1)).toBe(2);
  expect(await count(3)).toBe(6);
  // 2 * 0.75 and 2 * 1.25 are halves, which go to the even number.
  expect(await count(0.75)).toBe(2);
  expect(await count(1.25)).toBe(2);
  expect(await count(0.01)).toBe(1);
});

test('texts that have not ended count where too few have', async () => {
  const two = beam(2, () => [...chances(0.7, 0.3), NEVER]);
  const living = two.search.advance(await begin(two));
  expect(tokensOf(two.search.finish(living))).toEqual([[A], [B]]);
  expect(tokensOf(two.search.finish(living.toReversed()))).toEqual([[A], [B]]);
});

test('a text ends where nothing is left to go on with', async () => {
  const two = beam(2, (fed) => (fed.length < 3 ? [0, NEVER, NEVER] : [NEVER, NEVER, NEVER]));
  let living = await begin(two);
  while (living.length > 0) {
    living = two.search.advance(living);
    await step(living);
  }
  expect(tokensOf(two.search.finish([]))).toEqual([[A, A]]);
});

/** The same search over plain lists, as openai/whisper describes it: no lanes, no limit per source. */
function plainBeam(next: NextLogits, beamSize: number, patience: number, maxTokens: number) {
  type Text = { readonly tokens: readonly number[]; readonly sum: number };
  const end = next([0]).length - 1;
  const nEnded = beamSize * patience;
  let living: Text[] = [{ tokens: [], sum: 0 }];
  const ended: Text[] = [];
  for (let n = 0; n < maxTokens && ended.length < nEnded; n++) {
    const all = living.flatMap(({ tokens, sum }) => {
      const logits = next([...PROMPT.tokens, ...tokens]);
      const total = Math.log(logits.reduce((whole, logit) => whole + Math.exp(logit), 0));
      return logits.map((logit, token) => ({
        tokens: [...tokens, token],
        sum: sum + logit - total,
      }));
    });
    all.sort((a, b) => b.sum - a.sum);
    living = [];
    for (const text of all) {
      if (text.tokens.at(-1) !== end) living.push(text);
      else if (ended.length < nEnded) {
        ended.push({ tokens: text.tokens.slice(0, -1), sum: text.sum });
      }
      if (living.length === beamSize) break;
    }
  }
  const missing = ended.length >= nEnded ? 0 : Math.max(0, beamSize - ended.length);
  const all = [...ended, ...living.slice(0, missing)];
  const score = ({ tokens, sum }: Text): number => sum / Math.max(1, tokens.length);
  return all.reduce((best, text) => (score(text) > score(best) ? text : best));
}

const models = {
  seed: fc.integer(),
  vocabSize: fc.integer({ min: 2, max: 8 }),
  beamSize: fc.integer({ min: 2, max: 5 }),
  patience: fc.constantFrom(1, 2, 3),
  maxTokens: fc.integer({ min: 1, max: 8 }),
};

test('finds what a search over plain lists finds', async () => {
  await fc.assert(
    fc.asyncProperty(fc.record(models), async (one) => {
      const { seed, vocabSize, beamSize, patience, maxTokens } = one;
      const next = randomModel(seed, vocabSize);
      const options = { beam_size: beamSize, patience };
      const { tokens, avgLogprob } = await hiddenStatesToTokens(
        new ScriptedLanes(next, beamSize),
        PROMPT,
        tinyRules(vocabSize - 1, { options, maxTokens }),
        0,
        SIGNAL,
      );
      const plain = plainBeam(next, beamSize, patience, maxTokens);
      expect(tokens).toEqual(plain.tokens);
      expect(avgLogprob).toBeCloseTo(plain.sum / (plain.tokens.length + 1), 5);
    }),
    { numRuns: 300 },
  );
});

test('no two living hypotheses share a lane, and a lane holds the text of its hypothesis', async () => {
  await fc.assert(
    fc.asyncProperty(fc.record(models), async ({ seed, beamSize, maxTokens }) => {
      const next = randomModel(seed, 3);
      const one = beam(beamSize, next, 4);
      let living = one.search.advance(await begin(one));
      for (let n = 1; living.length > 0 && n < maxTokens; n++) {
        expect(new Set(living.map(({ lane }) => lane)).size).toBe(living.length);
        for (const lane of one.lanes.made) {
          for (const { tokens } of living.filter((hypothesis) => hypothesis.lane === lane)) {
            expect(lane.fed).toEqual([...PROMPT.tokens, ...tokens.slice(0, -1)]);
          }
        }
        await step(living);
        living = one.search.advance(living);
      }
      expect(one.lanes.made.length).toBeLessThanOrEqual(beamSize);
    }),
  );
});
