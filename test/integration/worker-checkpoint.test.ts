/** A long job on two machines' workers, one of which is killed in the middle of it. */

import { checkpointLogKey, type Transcript } from '@amanuensis/contract';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSubmitter, type Submitter, samplePath } from '../support/submit.ts';
import { type LogLine, startSystem, type TestApp, type TestSystem } from '../support/system.ts';

const QUICK_LOCKS = { AMANUENSIS_WORKER_LOCK_SECONDS: '2' };
const DEADLINE_MS = 30_000;

let system: TestSystem;
let jobs: Submitter;
let redis: Redis;
let other: TestApp;

beforeAll(async () => {
  system = await startSystem({ api: false, workerEnv: QUICK_LOCKS });
  other = await system.startWorker();
  jobs = await openSubmitter(system);
  redis = new Redis(system.redis.url);
}, 90_000);

afterAll(async () => {
  redis?.disconnect();
  await jobs?.[Symbol.asyncDispose]();
  await system?.stop();
});

/** What does not depend on who transcribed it, and how fast. */
function textOf(transcript: Transcript | null): unknown {
  const { ran_on: _, processing_seconds: __, ...text } = transcript ?? ({} as Transcript);
  return text;
}

/** The first such line of either worker. */
function eitherLogs(fits: (line: LogLine) => boolean): Promise<LogLine> {
  return Promise.any([system.worker.waitForLog(fits), other.waitForLog(fits)]);
}

const partsOf = (id: string): Promise<number> => redis.llen(checkpointLogKey(id));

test('the other one goes on where it was, and the transcript is the same', {
  timeout: 120_000,
}, async () => {
  const undisturbed = await jobs.finished(await jobs.submit(samplePath('call.wav')));
  expect(undisturbed.state, undisturbed.failedReason).toBe('completed');

  const id = await jobs.submit(samplePath('call.wav'));
  await expect.poll(() => partsOf(id), { timeout: DEADLINE_MS, interval: 5 }).toBeGreaterThan(1);
  const starts = await eitherLogs(({ msg, jobId }) => msg === 'job starts' && jobId === id);
  process.kill(Number(starts.pid), 'SIGKILL');

  const disturbed = await jobs.finished(id);
  expect(disturbed.state, disturbed.failedReason).toBe('completed');
  const goesOn = await eitherLogs(({ msg, jobId }) => msg === 'job goes on' && jobId === id);
  expect(goesOn.segments).toBeGreaterThan(1);
  expect(textOf(disturbed.transcript)).toEqual(textOf(undisturbed.transcript));
  expect(disturbed.transcript?.segments.length).toBeGreaterThan(10);
  expect(await partsOf(id), 'nothing is left of what nobody needs').toBe(0);
});

test('a worker that lost the job adds nothing to what another goes on from', {
  timeout: 120_000,
}, async () => {
  const id = await jobs.submit(samplePath('call.wav'));
  await expect.poll(() => partsOf(id), { timeout: DEADLINE_MS, interval: 5 }).toBeGreaterThan(0);
  // As if another worker had found the job stalled and taken it.
  const lock = `${jobs.queue.opts.prefix}:${jobs.queue.name}:${id}:lock`;
  await redis.set(lock, 'another attempt', 'PX', 5_000);
  const parts = await partsOf(id);
  await eitherLogs(({ msg, jobId }) => jobId === id && msg === 'another attempt has the job');
  expect(await partsOf(id)).toBe(parts);
});
