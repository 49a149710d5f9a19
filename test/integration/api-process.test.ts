/** The API as a process: how it starts, says so, and ends. */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { getJson, submit } from '../support/api.ts';
import { ROOT } from '../support/paths.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

let redis: TestRedis;
let folder: string;
beforeAll(async () => {
  redis = await startRedis();
  folder = await mkdtemp(join(tmpdir(), 'amanuensis-api-process-'));
});
afterAll(async () => {
  await redis.stop();
  await rm(folder, { recursive: true, force: true });
});

function start(env: Readonly<Record<string, string>> = {}): ChildProcess {
  const child = fork(join(ROOT, 'apps/api/dist/main.js'), {
    cwd: folder,
    env: { PATH: process.env.PATH, AMANUENSIS_API_PORT: '0', ...env },
    execArgv: [], // those of the test run would make it read sources
    silent: true,
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

/** The `ready` message and everything that it logs until it ends. */
async function untilReady(child: ChildProcess) {
  const output = textOf(child.stdout);
  const [message] = await once(child, 'message');
  return { message, output };
}

test('says that it is ready, serves, and ends on SIGTERM with 0', async () => {
  const child = start({ REDIS_URL: redis.url });
  const { message, output } = await untilReady(child);
  expect(message).toEqual({
    type: 'ready',
    url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
  });
  const health = await getJson<{ version: string }>(`${message.url}/health`);
  expect(health).toMatchObject({ status: 200, body: { version: '0.1.0' } });
  expect((await submit(message.url)).status).toBe(202);
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);

  const lines = (await output)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const listening = lines.filter(({ msg }) => msg === 'listening');
  expect(listening).toMatchObject([{ url: message.url }]);
  expect(await output).not.toContain('whsec_');
});

test('ends by itself when its parent is gone', async () => {
  const child = start({ REDIS_URL: redis.url });
  await untilReady(child);
  child.disconnect();
  expect(await once(child, 'exit')).toEqual([0, null]);
});

test('ends in time on SIGTERM while Redis is away', async () => {
  await using own = await startRedis();
  const child = start({ REDIS_URL: own.url });
  await untilReady(child);
  await own.kill();
  const startedAt = Date.now();
  child.kill('SIGTERM');
  await once(child, 'exit');
  expect(Date.now() - startedAt).toBeLessThan(5_000);
});

test('a configuration that it cannot use ends it with one clear line', async () => {
  const child = start();
  const [errors, [code]] = await Promise.all([textOf(child.stderr), once(child, 'exit')]);
  expect(code).toBe(1);
  expect(errors).toContain('redisUrl: set REDIS_URL');
  expect(errors).not.toContain('    at ');
});

function textOf(stream: Readable | null): Promise<string> {
  return text(stream ?? Readable.from([]));
}
