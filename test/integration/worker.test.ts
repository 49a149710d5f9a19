/** A worker with the real model: what becomes of good and of broken recordings. */

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { type DeviceStatus, parseFailure } from '@amanuensis/contract';
import { type PoolName, slotsPerJob } from '@amanuensis/pipeline';
import { concurrencyFor } from '@amanuensis/pool';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSubmitter, type Submitter, samplePath } from '../support/submit.ts';
import { startSystem, type TestSystem } from '../support/system.ts';

const POOLS = {
  audio: { initial: 1, max: 4 },
  mel: { initial: 1, max: 3 },
  encoder_output: { initial: 1, max: 3 },
  kv_cache: { initial: 1, max: 5 },
};
const POOL_NAMES = Object.keys(POOLS) as PoolName[];
/** The worker reports every two seconds. */
const REPORT_DEADLINE_MS = 10_000;

let system: TestSystem;
let jobs: Submitter;

beforeAll(async () => {
  const workerEnv = {
    AMANUENSIS_WORKER_POOLS: JSON.stringify(POOLS),
    AMANUENSIS_WORKER_LANES_PER_JOB: '1',
  };
  system = await startSystem({ api: false, workerEnv });
  jobs = await openSubmitter(system);
}, 90_000);

afterAll(async () => {
  await jobs?.[Symbol.asyncDispose]();
  await system?.stop();
});

const reference: Record<string, { text: string }> = JSON.parse(
  readFileSync(new URL('../fixtures/reference/transcripts.json', import.meta.url), 'utf8'),
);

test('a recording becomes its transcript, which names what ran', { timeout: 60_000 }, async () => {
  const id = await jobs.submit(samplePath('standup.wav'));
  const { state, failedReason, result, transcript } = await jobs.finished(id);
  expect(state, failedReason).toBe('completed');
  expect(transcript?.text).toBe(reference['standup.wav']?.text.trim());
  expect(transcript?.model).toBe('demo');
  expect(transcript?.ran_on).toEqual({
    device: 'cpu0',
    execution_provider: 'CPUExecutionProvider',
  });
  expect(transcript?.duration).toBeCloseTo(11, 0);
  expect(result?.resultKey).toBe(`results/${id}/1.json`);
  expect(result?.durationSeconds).toBe(transcript?.duration);
});

test('every line about a job names job, attempt and device', { timeout: 60_000 }, async () => {
  const id = await jobs.submit(samplePath('standup.wav'));
  await jobs.finished(id);
  const lines = system.worker.log.filter((line) => JSON.stringify(line).includes(id));
  expect(lines.map(({ msg }) => msg)).toEqual(['job starts', 'job completed']);
  for (const line of lines) expect(line).toMatchObject({ jobId: id, attempt: 1, device: 'cpu0' });
});

test('what is no recording fails with invalid_audio, and harms nothing', {
  timeout: 60_000,
}, async () => {
  const [before] = await system.devices();
  const broken = {
    'random bytes': randomBytes(200_000),
    'an empty file': Buffer.alloc(0),
    'a text file named .wav': Buffer.from('Dear transcriber, this is a letter.\n'.repeat(200)),
    'half a header': readFileSync(samplePath('standup.wav')).subarray(0, 20),
  };
  for (const [what, bytes] of Object.entries(broken)) {
    const { state, failedReason, attemptsStarted } = await jobs.finished(await jobs.submit(bytes));
    expect(state, what).toBe('failed');
    const { code, message } = parseFailure(failedReason);
    expect(code, `${what}: ${message}`).toBe('invalid_audio');
    expect(message, what).toMatch(/\w+ \w+ \w+/);
    expect(message, 'no path of the server').not.toContain(system.dataFolder);
    expect(attemptsStarted, `${what} is not tried again`).toBe(1);
  }
  const after = await reportAfter(Date.now());
  expect(after.pid).toBe(before?.pid);
  expect(after.pools.map(({ name, inUse }) => ({ name, inUse }))).toEqual(
    POOL_NAMES.map((name) => ({ name, inUse: 0 })),
  );
});

test('as many jobs run at once as the pools can bear, and no pool runs out', {
  timeout: 120_000,
}, async () => {
  const limits = POOL_NAMES.map((name) => ({ name, max: POOLS[name].max }));
  const concurrency = concurrencyFor(limits, slotsPerJob(1));
  const ids = await Promise.all(
    Array.from({ length: 3 * concurrency }, () => jobs.submit(samplePath('voicemail.wav'))),
  );
  for (const id of ids) {
    const { state, transcript } = await jobs.finished(id, 90_000);
    expect(state).toBe('completed');
    expect(transcript?.text).toBe(reference['voicemail.wav']?.text.trim());
  }
  const report = await reportAfter(Date.now());
  expect(report.concurrency).toBe(concurrency);
  for (const { name, highWaterMark, exhaustions, inUse } of report.pools) {
    expect({ name, highWaterMark, exhaustions, inUse }).toEqual({
      name,
      highWaterMark: concurrency,
      exhaustions: 0,
      inUse: 0,
    });
  }
});

test('each pool, its bytes and the total are logged before the first job', () => {
  const messages = system.worker.log.map(({ msg }) => msg);
  const loaded = messages.indexOf('model is loaded');
  expect(loaded).toBeGreaterThan(messages.indexOf('pool is allocated'));
  expect(messages.indexOf('takes jobs')).toBeGreaterThan(loaded);
  const pools = system.worker.log.filter(({ msg }) => msg === 'pool is allocated');
  expect(pools.map(({ pool, max }) => ({ pool, max }))).toEqual(
    POOL_NAMES.map((pool) => ({ pool, max: POOLS[pool].max })),
  );
  const bytes = pools.reduce((sum, { bytesMax }) => sum + Number(bytesMax), 0);
  expect(bytes).toBeGreaterThan(0);
  expect(Number(system.worker.log[loaded]?.bytesMax)).toBeGreaterThanOrEqual(bytes);
});

async function reportAfter(timeMs: number): Promise<DeviceStatus> {
  const deadline = Date.now() + REPORT_DEADLINE_MS;
  while (Date.now() < deadline) {
    const report = (await system.devices()).find(({ reportedAtMs }) => reportedAtMs >= timeMs);
    if (report !== undefined) return report;
    await delay(100);
  }
  throw new Error('the device stopped reporting');
}
