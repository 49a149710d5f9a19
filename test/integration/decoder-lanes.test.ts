/** Lanes of the decoder: a prompt at once, several hypotheses in one run, caches copied. */

import { randomInt } from 'node:crypto';
import { loadWhisper, openInferenceEngine, type WhisperModel } from '@amanuensis/pipeline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DecoderLane } from '../../packages/pipeline/src/decoding/decoder-lane.ts';
import { LaneRuns } from '../../packages/pipeline/src/decoding/lane-runs.ts';
import { difference } from '../support/arrays.ts';
import { DEMO_MODEL } from '../support/paths.ts';

const NEVER = new AbortController().signal;
/** Sums in another order: single rows take another path through the matrix products. */
const ROUNDING = 2e-4;

let model: WhisperModel;
let runs: LaneRuns;
let lanes: readonly DecoderLane[];

beforeAll(async () => {
  model = await loadWhisper(DEMO_MODEL, await openInferenceEngine(), {
    name: 'demo',
    intraOpThreads: 2,
  });
  runs = new LaneRuns(model.sessions, model.dimensions.vocabSize);
  const { elements } = model.laneLayout;
  const slab = new SharedArrayBuffer(6 * elements * 4);
  lanes = Array.from(
    { length: 6 },
    (_, i) =>
      new DecoderLane(new Float32Array(slab, i * elements * 4, elements), model.laneLayout, runs),
  );
});
afterAll(async () => {
  runs[Symbol.dispose]();
  for (const lane of lanes) lane[Symbol.dispose]();
  await model.release();
});

/** Each lane gets a window of its own. */
async function fill(lane: DecoderLane, seed: number): Promise<void> {
  const { nAudioPositions, dModel } = model.dimensions;
  const data = Float32Array.from(
    { length: nAudioPositions * dModel },
    (_, i) => 0.8 * Math.sin((i % 977) * 0.37 + seed),
  );
  await lane.fill({ data, shape: [nAudioPositions, dModel] }, NEVER);
}

function lane(index: number): DecoderLane {
  const found = lanes[index];
  if (found === undefined) throw new RangeError(`there is no lane ${index}`);
  return found;
}

async function stepAll(at: DecoderLane, tokens: readonly number[], from = 0): Promise<void> {
  for (const [i, token] of tokens.entries()) await at.step(token, from + i, NEVER);
}

const tokens = (n: number): number[] =>
  Array.from({ length: n }, () => randomInt(0, model.tokenizer.endOfText));

test.each([1, 3, 4, 5, 31, 100, 229])(
  'a prompt of %i tokens at once is as one after the other',
  async (n) => {
    const prompt = tokens(n);
    const probe = Math.floor(n / 2);
    await fill(lane(0), 1);
    await stepAll(lane(0), prompt.slice(0, probe + 1));
    const probed = lane(0).logits.slice();
    await stepAll(lane(0), prompt.slice(probe + 1), probe + 1);
    await fill(lane(1), 1);
    await lane(1).prefill(prompt, probe, NEVER);
    expect(difference(lane(1).probeLogits, probed).greatest).toBeLessThan(ROUNDING);
    expect(difference(lane(1).logits, lane(0).logits).greatest).toBeLessThan(ROUNDING);
    // What was fed beyond the prompt to fill it up must not be seen by the steps that follow.
    const [next = 0] = tokens(1);
    await lane(0).step(next, n, NEVER);
    await lane(1).step(next, n, NEVER);
    expect(difference(lane(1).logits, lane(0).logits).greatest).toBeLessThan(ROUNDING);
  },
);

test.each([2, 3, 5, 6])(
  '%i lanes in one run, each at its own position and window, are as alone',
  async (n) => {
    const starts = Array.from({ length: n }, (_, i) => tokens(1 + 7 * i));
    const next = tokens(n);
    const alone: Float32Array[] = [];
    for (let i = 0; i < n; i++) {
      await fill(lane(i), i);
      await stepAll(lane(i), starts[i] ?? []);
      await lane(i).step(next[i] ?? 0, starts[i]?.length ?? 0, NEVER);
      alone.push(lane(i).logits.slice());
    }
    await Promise.all(starts.map((start, i) => lane(i).step(next[i] ?? 0, start.length, NEVER)));
    for (let i = 0; i < n; i++) {
      const one = alone[i] ?? new Float32Array();
      expect(difference(lane(i).logits, one).greatest, `lane ${i}`).toBeLessThan(ROUNDING);
    }
  },
);

test('a lane goes on from where another is, and leaves it as it was', async () => {
  const prompt = tokens(40);
  await fill(lane(0), 1);
  await fill(lane(3), 2);
  await lane(0).prefill(prompt, 0, NEVER);
  lane(3).copyFrom(lane(0), prompt.length);
  const [a = 0, b = 0] = tokens(2);
  await Promise.all([lane(0).step(a, 40, NEVER), lane(3).step(b, 40, NEVER)]);
  await fill(lane(1), 1);
  await lane(1).prefill([...prompt, b], 0, NEVER);
  expect(difference(lane(3).logits, lane(1).logits).greatest).toBeLessThan(ROUNDING);
  await lane(1).prefill([...prompt, a], 0, NEVER);
  expect(difference(lane(0).logits, lane(1).logits).greatest).toBeLessThan(ROUNDING);
});

/** Until the run of the steps that were just asked for is under way. */
const begun = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a recording that is canceled within a run leaves the others of that run as they are', async () => {
  for (const i of [0, 1]) await fill(lane(i), i);
  await lane(1).step(6, 0, NEVER);
  const alone = lane(1).logits.slice();
  lane(1).logits.fill(0);
  const canceled = new AbortController();
  const both = [lane(0).step(5, 0, canceled.signal), lane(1).step(6, 0, NEVER)];
  await begun();
  canceled.abort(new Error('canceled'));
  const [first, second] = await Promise.allSettled(both);
  expect(first).toMatchObject({ status: 'rejected', reason: { code: 'aborted' } });
  expect(second?.status).toBe('fulfilled');
  expect(difference(lane(1).logits, alone).greatest).toBeLessThan(ROUNDING);
});

test('a step that waits is canceled at once, and leaves its lane alone', async () => {
  for (const i of [0, 1]) await fill(lane(i), i);
  lane(1).logits.fill(7);
  const canceled = new AbortController();
  const order: string[] = [];
  const underWay = lane(0)
    .step(5, 0, NEVER)
    .then(() => order.push('run'));
  await begun();
  const waiting = lane(1)
    .step(6, 0, canceled.signal)
    .catch(({ code }) => order.push(code));
  canceled.abort(new Error('canceled'));
  await Promise.all([underWay, waiting]);
  expect(order).toEqual(['aborted', 'run']);
  await lane(0).step(5, 1, NEVER);
  expect(lane(1).logits.every((logit) => logit === 7)).toBe(true);
  await expect(lane(1).step(6, 0, canceled.signal)).rejects.toMatchObject({ code: 'aborted' });
});
