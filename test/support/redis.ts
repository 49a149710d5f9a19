/** A private redis-server for one test file: a free loopback port, a temp folder, ended by pid. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from './free-port.ts';

const START_DEADLINE_MS = 20_000;
const STOP_DEADLINE_MS = 5_000;
/** A port that was free a moment ago may be taken by another process. */
const START_TRIES = 3;

export interface TestRedis extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Ends this server at once, as a crash would; its files stay. */
  kill(): Promise<void>;
  /** Starts it again on the same port and the same files. */
  restart(): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

/** Starts a server with append-only persistence and `noeviction`, as the product needs it. */
export async function startRedis(): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'amanuensis-redis-'));
  let [port, server] = await startOnFreePort(folder);
  const redis: TestRedis = {
    url: `redis://127.0.0.1:${port}`,
    port,
    get pid() {
      return server.pid ?? -1;
    },
    kill: () => end(server, 'SIGKILL'),
    async restart() {
      server = await start(folder, port);
    },
    async stop() {
      await end(server, 'SIGTERM');
      await rm(folder, { recursive: true, force: true });
    },
    [Symbol.asyncDispose]: () => redis.stop(),
  };
  return redis;
}

async function startOnFreePort(folder: string): Promise<[number, ChildProcess]> {
  for (let tries = 1; ; tries++) {
    const port = await freePort();
    try {
      return [port, await start(folder, port)];
    } catch (error) {
      if (tries === START_TRIES) throw error;
    }
  }
}

async function start(folder: string, port: number): Promise<ChildProcess> {
  const options = { bind: '127.0.0.1', port, dir: folder, save: '', appendonly: 'yes' };
  const more = { appendfsync: 'everysec', 'maxmemory-policy': 'noeviction' };
  const args = Object.entries({ ...options, ...more }).flatMap(([k, v]) => [`--${k}`, String(v)]);
  const server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const killWithUs = () => server.kill('SIGKILL');
  process.once('exit', killWithUs);
  server.once('exit', () => process.off('exit', killWithUs));
  const timer = setTimeout(() => server.kill('SIGKILL'), START_DEADLINE_MS);
  try {
    const lines: string[] = [];
    await once(server, 'spawn');
    for await (const line of createInterface(server.stdout)) {
      if (line.includes('Ready to accept connections')) {
        server.stdout.resume();
        return server;
      }
      lines.push(line);
    }
    throw new Error(`redis-server ended before it was ready:\n${lines.join('\n')}`);
  } finally {
    clearTimeout(timer);
  }
}

async function end(server: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const exited = once(server, 'exit');
  server.kill(signal);
  const timer = setTimeout(() => server.kill('SIGKILL'), STOP_DEADLINE_MS);
  await exited;
  clearTimeout(timer);
}
