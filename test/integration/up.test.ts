/** What `amanuensis up` does when something is not as it should be. */

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test, vi } from 'vitest';
import { findExecutable } from '../../apps/cli/src/find-executable.ts';
import { RestClient } from '../../apps/cli/src/rest-client.ts';
import { runCli, startUp, temporaryFolder } from '../support/cli.ts';
import { SAMPLES } from '../support/paths.ts';
import { commandOf, isRunning } from '../support/processes.ts';
import { startRedis } from '../support/redis.ts';

const hasSetpriv = findExecutable('setpriv') !== null;

test('a port that is taken is named, with the way out', { timeout: 60_000 }, async () => {
  const other = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => {
    other.close();
  });
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const env = { AMANUENSIS_DATA_FOLDER: await temporaryFolder() };
  const { exitCode, stderr } = await runCli(['up', '--port', String(port)], env);
  expect(exitCode).toBe(1);
  expect(stderr).toContain(`Port ${port} is taken: choose another one with --port.\n`);
});

test('a second one on the same data folder is refused', { timeout: 120_000 }, async () => {
  const dataFolder = await temporaryFolder();
  const first = await startUp(dataFolder);
  const second = await runCli(['up', '--port', '0'], { AMANUENSIS_DATA_FOLDER: dataFolder });
  expect(second.exitCode).toBe(1);
  expect(second.stderr).toContain(`is in use by another amanuensis (process ${first.child.pid})`);
  expect((await fetch(`${first.url}/health`)).status).toBe(200);
});

test.each([
  ['api', 'api ended: signal SIGKILL'],
  ['worker', 'worker ended: signal SIGKILL'],
  ['redis', 'Redis ended: signal SIGKILL'],
])(
  'when the %s dies, the others are stopped and it fails',
  { timeout: 120_000 },
  async (part, why) => {
    const up = await startUp(await temporaryFolder());
    const pid = up.pids.find((candidate) => commandOf(candidate).includes(COMMANDS[part] ?? '?'));
    process.kill(pid ?? -1, 'SIGKILL');
    expect(await up.exited()).toBe(1);
    expect(up.output.stderr).toContain(why);
    await vi.waitUntil(() => !up.pids.some(isRunning), { timeout: 10_000 });
  },
);

test.runIf(hasSetpriv)(
  'when it is killed itself, all parts end',
  { timeout: 120_000 },
  async () => {
    const up = await startUp(await temporaryFolder());
    up.child.kill('SIGKILL');
    await vi.waitUntil(() => !up.pids.some(isRunning), { timeout: 40_000 });
  },
);

test('a second SIGINT does not wait for jobs', { timeout: 120_000 }, async () => {
  const up = await startUp(await temporaryFolder());
  for (let jobs = 0; jobs < 4; jobs++) {
    await new RestClient(up.url).submit(join(SAMPLES, 'call.wav'));
  }
  up.child.kill('SIGINT');
  await vi.waitUntil(() => up.output.stderr.includes('once more stops at once'));
  const startedAt = performance.now();
  up.child.kill('SIGINT');
  expect(await up.exited()).toBe(0);
  expect(performance.now() - startedAt).toBeLessThan(3_000);
  expect(up.output.stderr).toMatch(/not all parts ended cleanly.*"worker: signal SIGKILL"/);
  await vi.waitUntil(() => !up.pids.some(isRunning), { timeout: 5_000 });
});

test('with REDIS_URL it uses that one and says so', { timeout: 120_000 }, async () => {
  await using redis = await startRedis();
  const up = await startUp(await temporaryFolder(), { REDIS_URL: redis.url });
  expect(up.output.stderr).toContain('uses the Redis of REDIS_URL');
  expect(up.pids.map(commandOf).join()).not.toContain('redis-server');
  await new RestClient(up.url).submit(join(SAMPLES, 'standup.wav'));
  const client = new Redis(redis.url);
  expect((await client.keys('*transcriptions*')).length).toBeGreaterThan(0);
  client.disconnect();
  up.child.kill('SIGINT');
  expect(await up.exited(), up.output.stderr).toBe(0);
  expect(isRunning(redis.pid)).toBe(true);
});

test.each([
  [['up', '--port', 'seventy'], {}, 'A port is a number'],
  [['up', '--port', '70000'], {}, 'A port is a number'],
  [['upp'], {}, 'unknown command'],
  [['transcribe'], {}, "missing required argument 'file'"],
  [['transcribe', '--format', 'docx', 'a.wav'], {}, 'Allowed choices are json, text, srt, vtt'],
  [['up'], { AMANUENSIS_DATA_FOLDR: '/tmp' }, 'AMANUENSIS_DATA_FOLDR: there is no such setting'],
])('%j with %j is a wrong use', async (args, env, message) => {
  const { exitCode, stderr } = await runCli(args, env);
  expect(stderr).toContain(message);
  expect(exitCode).toBe(2);
});

test('a service that is not there fails with its address', async () => {
  const url = 'http://127.0.0.1:1';
  const sample = join(SAMPLES, 'standup.wav');
  const { exitCode, stderr } = await runCli(['transcribe', sample, '--url', url]);
  expect(exitCode).toBe(1);
  expect(stderr).toContain(`${url} cannot be reached: `);
});

const COMMANDS: Readonly<Record<string, string>> = {
  api: 'apps/api/dist/main.js',
  worker: 'apps/worker/dist/main.js',
  redis: 'redis-server',
};
