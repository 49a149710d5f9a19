import {
  createWindowPools,
  loadWhisper,
  openInferenceEngine,
  type WhisperModel,
} from '@amanuensis/pipeline';
import { PoolExhausted } from '@amanuensis/pool';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEMO_MODEL } from '../support/paths.ts';

const LIMIT = { initial: 1, max: 2 };
const LIMITS = { audio: LIMIT, mel: LIMIT, encoder_output: LIMIT, kv_cache: LIMIT };

let model: WhisperModel;
beforeAll(async () => {
  const engine = await openInferenceEngine();
  model = await loadWhisper(DEMO_MODEL, engine, { name: 'demo', intraOpThreads: 1 });
});
afterAll(() => model.release());

test('a job gets a slot of every pool and gives all back', async () => {
  using pools = await createWindowPools(model, LIMITS);
  const inUse = () => pools.all.map((pool) => pool.stats().inUse);
  {
    using _a = pools.acquire('a');
    using _b = pools.acquire('b');
    expect(inUse()).toEqual([2, 2, 2, 2]);
    expect(() => pools.acquire('c')).toThrow(PoolExhausted);
    expect(inUse()).toEqual([2, 2, 2, 2]);
  }
  expect(inUse()).toEqual([0, 0, 0, 0]);
});

test('one short pool leaves no slot of the others behind', async () => {
  using pools = await createWindowPools(model, { ...LIMITS, kv_cache: { initial: 1, max: 1 } });
  using _a = pools.acquire('a');
  expect(() => pools.acquire('b')).toThrow(/kv_cache/);
  expect(pools.all.map((pool) => pool.stats().inUse)).toEqual([1, 1, 1, 1]);
});

test('a lane that cannot be bound leaves no slot behind', async () => {
  // A graph that asks for what no lane has.
  const sessions = { ...model.sessions, decoderStep: model.sessions.encoder };
  using pools = await createWindowPools({ ...model, sessions }, LIMITS);
  expect(() => pools.acquire('a')).toThrow(/no tensor mel/);
  expect(pools.all.map((pool) => pool.stats().inUse)).toEqual([0, 0, 0, 0]);
});

test('every slot begins on a page', async () => {
  using pools = await createWindowPools(model, LIMITS);
  using _a = pools.acquire('a');
  using slots = pools.acquire('b');
  const logits = slots.lane.logits.byteOffset;
  for (const offset of [slots.pcm.byteOffset, slots.mel.data.byteOffset]) {
    expect(offset % 4096).toBe(0);
  }
  expect(logits % 64).toBe(0);
});
