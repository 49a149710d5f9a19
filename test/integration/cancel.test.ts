/** Jobs that are canceled: while they wait, while they run, when their deadline has passed. */

import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  audioKey,
  type TranscriptionJob,
  transcriptionOptionsSchema,
  transcriptionQueueName,
} from '@amanuensis/contract';
import { createLogger } from '@amanuensis/log';
import { FileStore } from '@amanuensis/store';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { JobQueue } from '../../apps/api/src/job-queue.ts';
import { jobToTranscription } from '../../apps/api/src/job-to-transcription.ts';
import { samplePath } from '../support/submit.ts';
import { type LogLine, startSystem, type TestSystem } from '../support/system.ts';

const DEADLINE_MS = 45_000;
/** Enough that a job waits while the first ones run. */
const MANY = 12;

let system: TestSystem;
let redis: Redis;
let store: FileStore;
let queue: JobQueue;

beforeAll(async () => {
  system = await startSystem({ api: false });
  redis = new Redis(system.redis.url);
  store = await FileStore.openIn(system.dataFolder);
  const logger = createLogger('api', 'silent');
  const seconds = { keepCompletedSeconds: 600, keepFailedSeconds: 600 };
  queue = new JobQueue({ redis, models: ['demo'], ...seconds, logger });
}, 60_000);

afterAll(async () => {
  await queue?.close();
  redis?.disconnect();
  await system?.stop();
});

async function submit(sample: string, more: Partial<TranscriptionJob> = {}): Promise<string> {
  const id = `job_${randomUUID().replaceAll('-', '')}`;
  const blobKey = audioKey(id);
  const bytes = await store.put(blobKey, createReadStream(samplePath(sample)));
  await queue.enqueue({
    id,
    tenant: 'test',
    model: 'demo',
    audio: { blobKey, fileName: sample, bytes },
    options: transcriptionOptionsSchema.parse({}),
    submittedAtMs: Date.now(),
    priority: 'normal',
    ...more,
  });
  return id;
}

async function read(id: string) {
  const found = await queue.find(id);
  if (found === null) throw new Error(`there is no job ${id}`);
  return { ...jobToTranscription(found.job, found.state), job: found.job };
}

const statusOf = async (id: string): Promise<string> => (await read(id)).status;

test('a job that waits ends at once, and the others are not held up', {
  timeout: 60_000,
}, async () => {
  const others = await Promise.all(Array.from({ length: MANY }, () => submit('voicemail.wav')));
  const last = await submit('voicemail.wav');
  expect(await statusOf(last)).toBe('queued');
  await queue.cancel((await read(last)).job);
  const canceled = await read(last);
  expect(canceled).toMatchObject({ status: 'canceled', error: null, attempts: 0 });
  expect(canceled.finished_at).not.toBeNull();
  for (const id of others) {
    await expect.poll(() => statusOf(id), { timeout: DEADLINE_MS }).toBe('completed');
  }
  expect(await statusOf(last)).toBe('canceled');
  expect(system.worker.log.some(({ jobId }) => jobId === last)).toBe(false);
});

test('a job that runs ends within a second, and gives its slots back', {
  timeout: 60_000,
}, async () => {
  const id = await submit('call.wav');
  await system.worker.waitForLog(({ msg, jobId }) => msg === 'job starts' && jobId === id);
  const askedAt = performance.now();
  await queue.cancel((await read(id)).job);
  await expect.poll(() => statusOf(id), { timeout: DEADLINE_MS, interval: 10 }).toBe('canceled');
  console.log(`a running job was canceled within ${Math.round(performance.now() - askedAt)} ms`);
  expect((await read(id)).attempts).toBe(1);
  await expect
    .poll(async () => (await system.devices()).flatMap(({ pools }) => pools.map((p) => p.inUse)), {
      timeout: DEADLINE_MS,
    })
    .toEqual([0, 0, 0, 0]);
});

test('a job that is not done by its deadline is canceled', { timeout: 120_000 }, async () => {
  const late = await submit('call.wav', { cancelAfterMs: Date.now() - 1 });
  await expect.poll(() => statusOf(late), { timeout: DEADLINE_MS }).toBe('canceled');
  const inTime = await submit('standup.wav', { cancelAfterMs: Date.now() + 60_000 });
  await expect.poll(() => statusOf(inTime), { timeout: DEADLINE_MS }).toBe('completed');
});

test('a job that has finished stays as it is', { timeout: 120_000 }, async () => {
  const id = await submit('standup.wav');
  await expect.poll(() => statusOf(id), { timeout: DEADLINE_MS }).toBe('completed');
  await queue.cancel((await read(id)).job);
  expect(await statusOf(id)).toBe('completed');
});

test('jobs of a tenant who has few go before the ten thousand of another', {
  timeout: 120_000,
}, async () => {
  const first = await submit('standup.wav', { tenant: 'many' });
  const { job } = await read(first);
  const crowd = Array.from({ length: 10_000 }, () => {
    const id = `job_${randomUUID().replaceAll('-', '')}`;
    return queue.enqueue({ ...job.data, id, tenant: 'many' });
  });
  await Promise.all(crowd);
  const starts = () => system.worker.log.filter(({ msg }) => msg === 'job starts');
  const nBefore = starts().length;
  const few = await submit('standup.wav', { tenant: 'few' });
  const isStart = ({ msg, jobId }: LogLine) => msg === 'job starts' && jobId === few;
  await system.worker.waitForLog(isStart, 60_000);
  const nMeanwhile = starts().findIndex(isStart) - nBefore;
  console.log(`${nMeanwhile} jobs of the crowd were started before it`);
  const [{ concurrency } = { concurrency: 0 }] = await system.devices();
  // Two job lengths, in each of which so many are started.
  expect(nMeanwhile).toBeLessThanOrEqual(2 * concurrency);
  const waiting = await redis.zcard(`{amanuensis}:${transcriptionQueueName('demo')}:prioritized`);
  expect(waiting, 'the crowd still waits').toBeGreaterThan(9_000);
  await redis.del(`{amanuensis}:${transcriptionQueueName('demo')}:prioritized`);
});
