/** What the apps print when Redis refuses something: why, and nothing that is secret. */

import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test, vi } from 'vitest';
import { poll, startTestApi, submit } from '../support/api.ts';
import { ROOT } from '../support/paths.ts';
import { startRedis } from '../support/redis.ts';

const SECRET = 'hunter2-of-the-test';

test('the API does not print the password that Redis refuses', async () => {
  const { child, output } = await startRefused('api');
  const [{ url }] = await once(child, 'message');
  expect((await submit(url)).status).toBe(503);
  const health = await fetch(`${url}/health`);
  expect(health.status).toBe(503);
  expect(await health.text()).not.toContain(SECRET);
  child.kill('SIGTERM');
  await once(child, 'close');
  expect(output()).toContain('WRONGPASS');
  expect(output().includes(SECRET)).toBe(false);
});

test('the worker does not print the password that Redis refuses', async () => {
  const { child, output } = await startRefused('worker');
  await poll(
    async () => output().includes('WRONGPASS'),
    (isPrinted) => isPrinted,
  );
  child.kill('SIGTERM');
  await once(child, 'close');
  expect(output().includes(SECRET)).toBe(false);
});

test('a job that Redis refuses is not printed: the URL of its webhook is a secret', async () => {
  await using api = await startTestApi();
  const admin = new Redis(api.redis.url);
  await admin.call('ACL', 'SETUSER', 'default', '-eval', '-evalsha');
  admin.disconnect();
  // The job's share of the queue, which is asked for before, is not what is refused.
  vi.spyOn(Redis.prototype, 'eval').mockResolvedValueOnce(1);
  onTestFinished(() => void vi.restoreAllMocks());
  const response = await submit(api.url, { webhook_url: `http://93.184.216.34/?token=${SECRET}` });
  expect(response.status).toBe(503);
  await poll(
    async () => api.logLines.filter((line) => line.includes('EXECABORT')),
    ({ length }) => length > 0,
  );
  expect(api.logLines.filter((line) => line.includes(SECRET))).toEqual([]);
});

test.each(['throw error', 'Promise.reject(error)'])(
  'an error that nobody catches ends the process without telling what it carries: %s',
  (fail) => {
    const script = `
    import { createLogger, exitOnUncaught } from '@amanuensis/log';
    exitOnUncaught(createLogger('test', 'info'));
    const error = Object.assign(new Error('refused'), { command: { args: ['${SECRET}'] } });
    ${fail};`;
    const args = ['--input-type=module', '-e', script];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      cwd: ROOT,
      encoding: 'utf8',
      timeout: 10_000,
    });
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ level: 60, err: { message: 'refused' } });
    expect(`${stdout}${stderr}`.includes(SECRET)).toBe(false);
  },
);

async function startRefused(app: 'api' | 'worker') {
  const redis = await startRedis();
  const admin = new Redis(redis.url);
  await admin.config('SET', 'requirepass', 'another');
  admin.disconnect();
  const folder = await mkdtemp(join(tmpdir(), 'amanuensis-secrets-'));
  const child = fork(join(ROOT, `apps/${app}/dist/main.js`), {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      REDIS_URL: `redis://:${SECRET}@127.0.0.1:${redis.port}`,
      AMANUENSIS_LOG_LEVEL: 'trace',
      AMANUENSIS_API_PORT: '0',
    },
    execArgv: [],
    silent: true,
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  return { child, output: () => output };
}
