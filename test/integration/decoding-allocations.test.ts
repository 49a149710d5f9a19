/** Nothing is allocated for a token or a window of decoding: neither memory nor a view of it. */

import '../support/typed-array-allocations.ts';
import { transcriptionOptionsSchema } from '@amanuensis/contract';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodingRules } from '../../packages/pipeline/src/decoding/decoding-rules.ts';
import { hiddenStatesToTokens } from '../../packages/pipeline/src/hidden-states-to-tokens.ts';
import type { JobSlots } from '../../packages/pipeline/src/job-slots.ts';
import { type DemoDevice, openDemoDevice } from '../support/demo-device.ts';
import { typedArraysMadeBy } from '../support/typed-array-allocations.ts';

const SIGNAL = new AbortController().signal;
/** zlib takes its input and its output, of a kB each, from Node's pool of buffers. */
const ZLIB = /compression-ratio/;
const MAX_OF_ZLIB = 4;

let device: DemoDevice;
let slots: JobSlots;
beforeAll(async () => {
  device = await openDemoDevice(1);
  slots = device.pools.acquire('decoding-allocations');
  const { hiddenStates } = slots.window(0);
  for (let i = 0; i < hiddenStates.data.length; i++) {
    hiddenStates.data[i] = Math.sin((i % 977) * 0.37);
  }
});
afterAll(async () => {
  slots[Symbol.dispose]();
  await device[Symbol.asyncDispose]();
});

/** Decodes the window, and answers how long its text is and what was allocated beside zlib's. */
async function decode(options: object) {
  const { model } = device;
  const rules = decodingRules(model, transcriptionOptionsSchema.parse(options));
  const lanes = { maxLanes: slots.lanesPerJob, lane: (index: number) => slots.lane(index) };
  const prompt = { tokens: [model.tokenizer.startOfTranscript], startIndex: 0 };
  let nTokens = 0;
  const made = await typedArraysMadeBy(async () => {
    await slots.lane(0).fill(slots.window(0).hiddenStates, SIGNAL);
    const window = await hiddenStatesToTokens(lanes, prompt, rules, 0, SIGNAL);
    nTokens = window.tokens.length;
  });
  const others = made.filter(({ where }) => !ZLIB.test(where));
  expect(made.length - others.length).toBeLessThanOrEqual(MAX_OF_ZLIB);
  return { nTokens, others };
}

const never = { logprob_threshold: null, compression_ratio_threshold: null };

test('the count sees what a lane binds when it is first used', async () => {
  const { others } = await decode({ ...never, temperature: 0 });
  expect(others.map(({ what }) => what)).toContain('subarray');
});

test.each([
  ['greedily', { temperature: 0 }],
  ['as a beam', { temperature: 0, beam_size: 5 }],
  ['as samples', { temperature: 1, best_of: 5, seed: 3 }],
])('decoded %s, a window allocates nothing', async (how, options) => {
  await decode({ ...never, ...options });
  const { nTokens, others } = await decode({ ...never, ...options });
  console.log(`${how}: ${nTokens} tokens`);
  expect(nTokens).toBeGreaterThan(20);
  expect(others).toEqual([]);
});
