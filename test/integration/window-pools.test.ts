import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  createWindowPools,
  loadVoiceActivity,
  loadWhisper,
  openInferenceEngine,
  transcribe,
  type VoiceActivityModel,
  type WhisperModel,
  type WindowPools,
} from '@amanuensis/pipeline';
import { PoolExhausted } from '@amanuensis/pool';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { poll } from '../support/api.ts';
import { residentBytes } from '../support/memory.ts';
import { DEMO_MODEL, FIXTURES, SAMPLES, VAD_MODEL } from '../support/paths.ts';

const PROBE = fileURLToPath(new URL('../support/idle-slots-probe.mjs', import.meta.url));
const PROBE_TIMEOUT_MS = 20_000;
const LIMIT = { initial: 1, max: 2 };
const ONE_LANE = { lanesPerJob: 1 };
const LIMITS = { audio: LIMIT, mel: LIMIT, encoder_output: LIMIT, kv_cache: LIMIT };

let model: WhisperModel;
let voiceActivity: VoiceActivityModel;
beforeAll(async () => {
  const engine = await openInferenceEngine();
  voiceActivity = await loadVoiceActivity(VAD_MODEL, engine);
  model = await loadWhisper(DEMO_MODEL, engine, { name: 'demo', intraOpThreads: 1 });
});
afterAll(async () => {
  await model.release();
  await voiceActivity.release();
});

test('a job gets a slot of every pool and gives all back', async () => {
  using pools = await createWindowPools(model, LIMITS, ONE_LANE);
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
  using pools = await createWindowPools(
    model,
    { ...LIMITS, kv_cache: { initial: 1, max: 1 } },
    ONE_LANE,
  );
  using _a = pools.acquire('a');
  expect(() => pools.acquire('b')).toThrow(/kv_cache/);
  expect(pools.all.map((pool) => pool.stats().inUse)).toEqual([1, 1, 1, 1]);
});

test('a job gets more windows and lanes when it asks, and no more than it may', async () => {
  const limit = { initial: 0, max: 4 };
  const limits = { audio: limit, mel: limit, encoder_output: limit, kv_cache: limit };
  using pools = await createWindowPools(model, limits, { lanesPerJob: 3 });
  const inUse = () => pools.all.map((pool) => pool.stats().inUse);
  {
    using slots = pools.acquire('a');
    expect(slots.lane(2)).not.toBe(slots.lane(1));
    expect(inUse()).toEqual([1, 1, 1, 3]);
    expect(slots.window(1).pcm).not.toBe(slots.window(0).pcm);
    expect(inUse()).toEqual([2, 2, 2, 3]);
    expect(slots.lane(2)).toBe(slots.lane(2));
    expect(() => slots.lane(3)).toThrow(RangeError);
    expect(() => slots.window(3)).toThrow(/at most 3/);
    expect(inUse()).toEqual([2, 2, 2, 3]);
  }
  expect(inUse()).toEqual([0, 0, 0, 0]);
});

test('every slot begins on a page', async () => {
  using pools = await createWindowPools(model, LIMITS, ONE_LANE);
  using _a = pools.acquire('a');
  using slots = pools.acquire('b');
  const { pcm, mel } = slots.window(0);
  for (const offset of [pcm.byteOffset, mel.data.byteOffset]) expect(offset % 4096).toBe(0);
  expect(slots.lane(0).logits.byteOffset % 4).toBe(0);
});

const RECORDING = 'standup.wav';
/** Over all pools. */
const bytesCommitted = (pools: WindowPools) =>
  pools.all.reduce((sum, pool) => sum + pool.stats().bytesCommitted, 0);

test.runIf(process.platform === 'linux')(
  'idle slots leave the process, and serve the next job as if they were new',
  async () => {
    const limit = { initial: 0, max: 12 };
    const limits = { audio: limit, mel: limit, encoder_output: limit, kv_cache: limit };
    using pools = await createWindowPools(model, limits, { ...ONE_LANE, idleMs: 1 });
    // Every lane is bound, and every page of every slot is in memory, with what no job left there.
    const jobs = Array.from({ length: limit.max }, (_, i) => pools.acquire(`job ${i}`));
    for (const job of jobs) job[Symbol.dispose]();
    for (const pool of pools.all) {
      const leases = Array.from({ length: limit.max }, () => pool.acquire('filler'));
      for (const lease of leases) lease.view.fill(Number.NaN);
      for (const lease of leases) lease.release();
    }
    const committed = bytesCommitted(pools);
    expect(committed).toBeGreaterThan(100e6);
    const resident = residentBytes();
    await poll(
      async () => bytesCommitted(pools),
      (bytes) => bytes === 0,
    );
    expect(resident - residentBytes()).toBeGreaterThan(0.95 * committed);

    const { [RECORDING]: expected } = JSON.parse(
      readFileSync(join(FIXTURES, 'reference/transcripts.json'), 'utf8'),
    ) as Record<string, { text: string }>;
    const { text } = await transcribe(
      { path: join(SAMPLES, RECORDING), owner: 'next job' },
      { model, pools, voiceActivity },
      { signal: AbortSignal.timeout(30_000), maxDurationSeconds: 60 },
    );
    expect(text).toBe(expected?.text.trim());
    for (const pool of pools.all) {
      expect(pool.stats()).toMatchObject({ misses: limit.max + 1, leaked: 0, doubleReleases: 0 });
    }
  },
);

test.each([
  ['where the system takes it', process.platform === 'linux' ? 'given back' : 'kept', []],
  ['without foreign functions', 'kept', ['--without-foreign-functions']],
])('memory of idle slots %s is %s', async (_, expected, args) => {
  const options = { timeout: PROBE_TIMEOUT_MS };
  const { stdout } = await promisify(execFile)(process.execPath, [PROBE, ...args], options);
  const { atPeak, afterIdling } = JSON.parse(stdout) as Record<string, number>;
  expect(atPeak).toBeGreaterThan(1e6);
  expect(afterIdling).toBe(expected === 'kept' ? atPeak : 0);
});
