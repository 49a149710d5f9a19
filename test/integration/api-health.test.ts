/** What `/health` says, and how the API behaves while Redis is away. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  DEVICE_SET_KEY,
  type DeviceStatus,
  deviceStatusKey,
  type PoolStatus,
} from '@amanuensis/contract';
import { Redis } from 'ioredis';
import { expect, test, vi } from 'vitest';
import { Fleet } from '../../apps/api/src/fleet.ts';
import type { Health } from '../../apps/api/src/routes/health.ts';
import { getJson, type Problem, poll, startTestApi, submit } from '../support/api.ts';
import { ROOT } from '../support/paths.ts';
import { startRedis } from '../support/redis.ts';

vi.setConfig({ testTimeout: 30_000 });

const POOL: PoolStatus = {
  model: 'demo',
  name: 'mel',
  max: 4,
  inUse: 0,
  highWaterMark: 4,
  acquires: 9,
  hits: 9,
  misses: 0,
  exhaustions: 0,
  leaked: 0,
  hasLeaks: false,
  bytesCommitted: 1,
};
const DEVICE: DeviceStatus = {
  workerId: 'host-1-cpu0',
  device: 'cpu0',
  executionProvider: 'CPUExecutionProvider',
  host: 'host',
  pid: 1,
  models: ['demo', 'base'],
  concurrency: 2,
  jobsActive: 0,
  state: 'running',
  refusal: null,
  attestations: [],
  startedAtMs: 1,
  reportedAtMs: 2,
  pools: [POOL],
};

async function report(redis: Redis, status: DeviceStatus): Promise<void> {
  await redis.sadd(DEVICE_SET_KEY, status.workerId);
  await redis.set(deviceStatusKey(status.workerId), JSON.stringify(status), 'PX', 15_000);
}

test('health tells of devices that live, are lost, lack a model or ran out, and of Redis', async () => {
  await using api = await startTestApi({ AMANUENSIS_API_MODELS: '[demo, base]' });
  const health = () => getJson<Health>(`${api.url}/health`);
  const empty = await poll(health, ({ status }) => status === 200);
  expect(empty.body).toMatchObject({
    status: 'degraded',
    version: '0.1.0',
    redis: 'ok',
    devices: [],
    warnings: ['No device worker reports: jobs wait until one starts.'],
  });
  expect(Object.keys(empty.body.queues)).toEqual([
    'transcriptions.demo',
    'transcriptions.base',
    'webhooks',
  ]);

  const redis = new Redis(api.redis.url);
  redis.on('error', () => {});
  await report(redis, DEVICE);
  const good = await health();
  expect(good.body).toMatchObject({ status: 'ok', warnings: [], devices: [DEVICE] });

  await report(redis, { ...DEVICE, models: ['demo'], pools: [{ ...POOL, exhaustions: 3 }] });
  await redis.sadd(DEVICE_SET_KEY, 'host-2-npu0');
  await submit(api.url, { model: 'base' });
  expect((await health()).body.warnings).toEqual([
    'The device worker host-2-npu0 stopped reporting: it died or its machine is unreachable.',
    'No device holds the model base: its 1 waiting jobs do not move.',
    'The pool mel of demo on host-1-cpu0 was exhausted 3 times, which is a bug.',
  ]);

  const refusal = 'its encoder of demo is wrong';
  await redis.del(DEVICE_SET_KEY);
  await report(redis, { ...DEVICE, models: [], pools: [], state: 'refused', refusal });
  expect((await health()).body.warnings).toEqual([
    'The device cpu0 of host is not used: its encoder of demo is wrong.',
    'No device worker reports: jobs wait until one starts.',
  ]);

  await api.redis.kill();
  const startedAt = Date.now();
  const down = await poll(health, ({ status }) => status === 503);
  expect(Date.now() - startedAt).toBeLessThan(5_000);
  expect(down.body).toMatchObject({ status: 'unavailable', redis: 'unreachable' });
  expect(down.body.warnings[0]).toMatch(/^Redis at 127\.0\.0\.1:\d+ does not answer/);
  redis.disconnect();
});

test('health tells which pools leak, and which ones make memory for too many jobs', async () => {
  await using api = await startTestApi();
  const redis = new Redis(api.redis.url);
  const warningsOf = async (...pools: readonly Partial<PoolStatus>[]) => {
    await report(redis, { ...DEVICE, pools: pools.map((pool) => ({ ...POOL, ...pool })) });
    const { body } = await getJson<Health>(`${api.url}/health`);
    expect(body.status).toBe(body.warnings.length === 0 ? 'ok' : 'degraded');
    return body.warnings;
  };
  // Slots in use are no leaks, and all beginnings are misses.
  expect(await warningsOf({ inUse: 4 }, { acquires: 99, hits: 0, misses: 99 })).toEqual([]);
  expect(await warningsOf({ acquires: 100, hits: 90, misses: 10 })).toEqual([]);
  expect(await warningsOf({ acquires: 110, hits: 99, misses: 11 })).toEqual([]);

  const warnings = await warningsOf(
    { inUse: 2, leaked: 1, hasLeaks: true },
    { name: 'kv_cache', model: 'base', acquires: 1_000, hits: 899, misses: 101 },
  );
  expect(warnings).toEqual([
    'The pool mel of demo on host-1-cpu0 leaks 1 of its 4 slots, held for longer than a job may take, which is a bug: restart that worker.',
    'The pool kv_cache of base on host-1-cpu0 has a hit rate of 89 % in 1000 acquires: raise worker.pools.kv_cache.initial or worker.poolIdleSeconds.',
  ]);
  const runbook = readFileSync(join(ROOT, 'docs/runbook.md'), 'utf8');
  for (const what of ['leaks', 'has a hit rate of']) {
    expect(warnings.join('\n')).toContain(what);
    expect(runbook).toContain(`## \`The pool … ${what} …\``);
  }
  redis.disconnect();
});

test('a lost worker is told for an hour, and then forgotten', async () => {
  await using server = await startRedis();
  const redis = new Redis(server.url);
  let nowMs = 0;
  const fleet = new Fleet(redis, () => nowMs);
  await redis.sadd(DEVICE_SET_KEY, 'host-1-cpu0');
  expect((await fleet.read()).lostWorkerIds).toEqual(['host-1-cpu0']);
  nowMs = 3_599_999;
  expect((await fleet.read()).lostWorkerIds).toEqual(['host-1-cpu0']);
  nowMs = 3_600_000;
  expect((await fleet.read()).lostWorkerIds).toEqual([]);
  expect(await redis.scard(DEVICE_SET_KEY)).toBe(0);
  redis.disconnect();
});

test('while Redis is away requests fail at once and leave nothing; then everything goes on', async () => {
  await using api = await startTestApi();
  const { id } = (await (await submit(api.url)).json()) as { id: string };
  const before = await api.listRecordings();
  await api.redis.kill();
  const startedAt = Date.now();
  for (const fields of [{}, { webhook_url: 'http://93.184.216.34/' }]) {
    const response = await submit(api.url, fields);
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('2');
    expect(await response.json()).toMatchObject({ code: 'unavailable' });
  }
  expect((await fetch(`${api.url}/v1/transcriptions/${id}`)).status).toBe(503);
  expect(Date.now() - startedAt).toBeLessThan(4_000);
  expect(await api.listRecordings()).toEqual(before);

  await api.redis.restart();
  await poll(
    () => fetch(`${api.url}/v1/transcriptions/${id}`),
    ({ status }) => status === 200,
  );
  expect((await submit(api.url)).status).toBe(202);
  const losses = api.logLines.filter((line) => line.includes('lost the connection'));
  expect(losses.length).toBeLessThanOrEqual(2); // once a connection, not with every try
});

test.each<[string, Record<string, string>]>([
  ['', {}],
  [', with a webhook', { webhook_url: 'http://93.184.216.34/' }],
])('a job that Redis takes without saying so in time keeps its recording%s', async (_, fields) => {
  await using api = await startTestApi();
  // Redis stops between the job's share of the queue and the job itself.
  const share = vi.spyOn(Redis.prototype, 'eval');
  share.mockImplementationOnce(async function (this: Redis, ...args) {
    const tag = await this.call('EVAL', ...(args as string[]));
    process.kill(api.redis.pid, 'SIGSTOP');
    return tag;
  });
  const response = await submit(api.url, fields);
  process.kill(api.redis.pid, 'SIGCONT');
  expect(share).toHaveBeenCalledOnce();
  share.mockRestore();
  expect(response.status).toBe(503);
  const problem = (await response.json()) as Problem;
  expect(problem.code).toBe('unavailable');
  const [id] = /job_[0-9a-f]{32}/.exec(problem.detail) ?? [];
  await poll(
    () => fetch(`${api.url}/v1/transcriptions/${id}`),
    ({ status }) => status === 200,
  );
  await using recording = await api.store.localFile(`audio/${id}`);
  expect(readFileSync(recording.path, 'utf8')).toBe('RIFF');
});

test('a job that Redis cannot have taken leaves no recording', async () => {
  await using api = await startTestApi();
  process.kill(api.redis.pid, 'SIGSTOP');
  const response = await submit(api.url);
  process.kill(api.redis.pid, 'SIGCONT');
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ code: 'unavailable' });
  expect(await api.listRecordings()).toEqual([]);
});

test('a job that Redis refuses leaves no recording', async () => {
  await using api = await startTestApi();
  const admin = new Redis(api.redis.url);
  await admin.call('ACL', 'SETUSER', 'default', '-eval', '-evalsha');
  admin.disconnect();
  for (const fields of [{}, { webhook_url: 'http://93.184.216.34/' }]) {
    expect((await submit(api.url, fields)).status).toBe(503);
    expect(await api.listRecordings()).toEqual([]);
  }
});

test('listens only when its Redis answers: the first request is served', async () => {
  await using api = await startTestApi();
  await api.stop();
  process.kill(api.redis.pid, 'SIGSTOP');
  setTimeout(() => process.kill(api.redis.pid, 'SIGCONT'), 500);
  await api.restart();
  expect((await submit(api.url)).status).toBe(202);
});

test('comes up without Redis, says so, and serves once Redis is there', async () => {
  await using api = await startTestApi();
  await api.stop();
  await api.redis.kill();
  await api.restart();
  expect((await fetch(`${api.url}/health`)).status).toBe(503);
  expect((await submit(api.url)).status).toBe(503);
  await api.redis.restart();
  await poll(
    () => submit(api.url),
    ({ status }) => status === 202,
  );
});
