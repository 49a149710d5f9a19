/** The embedded Redis: real servers, real kills. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type EmbeddedRedis, startEmbeddedRedis } from '../../apps/cli/src/embedded-redis.ts';
import { findExecutable } from '../../apps/cli/src/find-executable.ts';
import { ROOT } from '../support/paths.ts';
import { isRunning } from '../support/processes.ts';

const BUILT = pathToFileURL(join(ROOT, 'apps/cli/dist/embedded-redis.js')).href;
const PINO = import.meta.resolve('pino');
const hasSetpriv = findExecutable('setpriv') !== null;

test('is durable, refuses to evict, listens on loopback only and wants its password', async () => {
  const lines: string[] = [];
  const log = pino({}, { write: (line) => lines.push(line) });
  const dataFolder = await temporaryFolder();
  const redis = await start(dataFolder, log);
  const client = connect(redis.url);

  const setting = async (name: string) => ((await client.config('GET', name)) as string[])[1];
  expect(await setting('appendonly')).toBe('yes');
  expect(await setting('appendfsync')).toBe('everysec');
  expect(await setting('maxmemory-policy')).toBe('noeviction');
  expect(await setting('bind')).toBe('127.0.0.1');
  expect(await setting('dir')).toBe(join(dataFolder, 'redis'));
  expect(lines.join()).toContain('started a Redis of its own');

  const { port, password } = new URL(redis.url);
  const stranger = connect(`redis://127.0.0.1:${port}`);
  await expect(stranger.get('x')).rejects.toThrow('NOAUTH');
  const commandLine = await readFile(`/proc/${redis.pid}/cmdline`, 'utf8').catch(() => '');
  expect(commandLine).not.toContain(password);
  const { mode } = await stat(join(dataFolder, 'redis/redis.conf'));
  expect(mode & 0o777).toBe(0o600);
});

test('jobs are still there after a stop and a start', async () => {
  const dataFolder = await temporaryFolder();
  const first = await start(dataFolder);
  const id = await withQueue(first.url, async (queue) => (await queue.add('job', { n: 1 })).id);
  expect(await first.stop()).toBeNull();
  expect(isRunning(first.pid)).toBe(false);

  const second = await start(dataFolder);
  expect(second.url).not.toBe(first.url);
  await withQueue(second.url, async (queue) => {
    expect((await queue.getJob(id ?? ''))?.data).toEqual({ n: 1 });
  });
});

test('tells when it is lost, but not when it is stopped', async () => {
  const stopped = await start(await temporaryFolder());
  const killed = await start(await temporaryFolder());
  process.kill(killed.pid, 'SIGKILL');
  await expect(killed.lost).resolves.toContain('SIGKILL');
  await expect(killed.stop()).resolves.toContain('SIGKILL');
  await stopped.stop();
  await expect(Promise.race([stopped.lost, Promise.resolve('silent')])).resolves.toBe('silent');
});

test('a second one on the same folder is refused at once, and the first goes on', async () => {
  const dataFolder = await temporaryFolder();
  const parent = await startInChild(dataFolder);
  const startedAt = performance.now();
  await expect(start(dataFolder)).rejects.toThrow(
    new RegExp(`${dataFolder}.* is in use by another amanuensis \\(process ${parent.child.pid}\\)`),
  );
  expect(performance.now() - startedAt).toBeLessThan(2_000);
  await expect(connect(parent.url).ping()).resolves.toBe('PONG');
});

test.runIf(hasSetpriv)(
  'dies with a parent that is killed, and its folder is taken over within seconds',
  { timeout: 30_000 },
  async () => {
    const dataFolder = await temporaryFolder();
    const parent = await startInChild(dataFolder);
    const id = await withQueue(parent.url, async (queue) => (await queue.add('job', {})).id);
    parent.child.kill('SIGKILL');
    await vi.waitUntil(() => !isRunning(parent.redisPid), { timeout: 5_000 });

    const startedAt = performance.now();
    const next = await start(dataFolder);
    expect(performance.now() - startedAt).toBeLessThan(8_000);
    await withQueue(next.url, async (queue) => {
      expect(await queue.getJob(id ?? '')).toBeDefined();
    });
  },
);

test('one that outlived its parent is ended first, and keeps what it was told', {
  timeout: 30_000,
}, async () => {
  const dataFolder = await temporaryFolder();
  // A machine without setpriv.
  const bin = await temporaryFolder();
  await symlink(findExecutable('redis-server') ?? '', join(bin, 'redis-server'));
  const parent = await startInChild(dataFolder, bin);
  const id = await withQueue(parent.url, async (queue) => (await queue.add('job', {})).id);
  parent.child.kill('SIGKILL');
  await once(parent.child, 'exit');
  await expect(connect(parent.url).ping()).resolves.toBe('PONG');

  const next = await start(dataFolder);
  await vi.waitUntil(() => !isRunning(parent.redisPid), { timeout: 5_000 });
  await withQueue(next.url, async (queue) => {
    expect(await queue.getJob(id ?? '')).toBeDefined();
  });
});

test('says what to install where redis-server is missing', async () => {
  vi.stubEnv('PATH', await temporaryFolder());
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  await expect(start(await temporaryFolder())).rejects.toThrow(
    /^redis-server is not installed: install it .*, or set REDIS_URL to a Redis of yours\.$/,
  );
});

test('a server that has the port of an earlier run, but not its password, is left alone', async () => {
  const other = await start(await temporaryFolder());
  const dataFolder = await temporaryFolder();
  await mkdir(join(dataFolder, 'redis'));
  const left = `port ${new URL(other.url).port}\nrequirepass ${'0'.repeat(64)}\n`;
  await writeFile(join(dataFolder, 'redis/redis.conf'), left);
  await start(dataFolder);
  await expect(connect(other.url).ping()).resolves.toBe('PONG');
});

test('starting can be given up, which leaves the folder free', async () => {
  const dataFolder = await temporaryFolder();
  const signal = AbortSignal.abort(new Error('enough'));
  const log = pino({ level: 'silent' });
  await expect(startEmbeddedRedis({ dataFolder, log, signal })).rejects.toThrow('enough');
  const startedAt = performance.now();
  await start(dataFolder);
  expect(performance.now() - startedAt).toBeLessThan(4_000);
});

async function start(dataFolder: string, log = pino({ level: 'silent' })): Promise<EmbeddedRedis> {
  const redis = await startEmbeddedRedis({ dataFolder, log });
  onTestFinished(async () => void (await redis.stop()));
  return redis;
}

interface ParentProcess {
  readonly child: ChildProcess;
  readonly url: string;
  readonly redisPid: number;
}

/** The same in a process of its own, which can be killed. */
async function startInChild(dataFolder: string, path = process.env.PATH): Promise<ParentProcess> {
  const script = `
    import { pino } from ${JSON.stringify(PINO)};
    import { startEmbeddedRedis } from ${JSON.stringify(BUILT)};
    const log = pino({ level: 'silent' });
    const { url, pid } = await startEmbeddedRedis({ dataFolder: ${JSON.stringify(dataFolder)}, log });
    console.log(JSON.stringify({ url, redisPid: pid }));
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    env: { ...process.env, PATH: path },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let redisPid = -1;
  onTestFinished(() => {
    child.kill('SIGKILL');
    if (redisPid > 0 && isRunning(redisPid)) process.kill(redisPid, 'SIGKILL');
  });
  const [line] = await once(createInterface(child.stdout), 'line', {
    signal: AbortSignal.timeout(15_000),
  });
  const started = JSON.parse(line as string) as { url: string; redisPid: number };
  redisPid = started.redisPid;
  return { child, ...started };
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'amanuensis-embedded-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function connect(url: string): Redis {
  const client = new Redis(url, { retryStrategy: () => null });
  client.on('error', () => undefined);
  onTestFinished(() => client.disconnect());
  return client;
}

async function withQueue<T>(url: string, use: (queue: Queue) => Promise<T>): Promise<T> {
  const { hostname: host, port, password } = new URL(url);
  const queue = new Queue('test', { connection: { host, port: Number(port), password } });
  try {
    return await use(queue);
  } finally {
    await queue.close();
  }
}
