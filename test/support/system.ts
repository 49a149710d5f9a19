/** A whole system for tests: a private Redis, the API and the worker as processes from `dist`. */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import {
  DEVICE_SET_KEY,
  type DeviceStatus,
  deviceStatusKey,
  deviceStatusSchema,
} from '@amanuensis/contract';
import { Redis } from 'ioredis';
import { CACHE_FOLDER } from './paths.ts';
import { startRedis, type TestRedis } from './redis.ts';

const START_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 15_000;

export type LogLine = Readonly<Record<string, unknown>> & { readonly msg?: string };

/** One app, started as an operator starts it. */
export interface TestApp extends AsyncDisposable {
  readonly pid: number;
  /** What it sent when it was ready. */
  readonly ready: Readonly<Record<string, unknown>>;
  /** Every line that it and its children wrote so far, of any time. */
  readonly log: readonly LogLine[];
  /** The first line that fits, of those written and those to come. */
  waitForLog(fits: (line: LogLine) => boolean, deadlineMs?: number): Promise<LogLine>;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  kill(signal: NodeJS.Signals): void;
  /** Closes its channel, as the death of its parent would. */
  disconnect(): void;
  /** Drains and ends it; by force when that takes too long. */
  stop(): Promise<void>;
}

export interface TestSystem extends AsyncDisposable {
  readonly redis: TestRedis;
  readonly dataFolder: string;
  readonly worker: TestApp;
  /** @throws Error when the system was started without. */
  readonly api: TestApp;
  /** Another worker beside the first, on the same queue and data. */
  startWorker(env?: Env): Promise<TestApp>;
  /** What the device workers report. */
  devices(): Promise<DeviceStatus[]>;
  stop(): Promise<void>;
}

type Env = Readonly<Record<string, string>>;

export interface SystemOptions {
  /** Without it there is only Redis and the worker. */
  readonly api?: boolean;
  readonly apiEnv?: Env;
  readonly workerEnv?: Env;
}

/** Everything it starts is ended by `stop()`, or with this process. */
export async function startSystem(options: SystemOptions = {}): Promise<TestSystem> {
  const { api: withApi = true, apiEnv = {}, workerEnv = {} } = options;
  const cleanups: (() => unknown)[] = [];
  const stop = async (): Promise<void> => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  };
  try {
    const redis = await startRedis();
    cleanups.push(() => redis.stop());
    const dataFolder = await mkdtemp(join(tmpdir(), 'amanuensis-data-'));
    cleanups.push(() => rm(dataFolder, { recursive: true, force: true }));
    const client = new Redis(redis.url, { maxRetriesPerRequest: 1 });
    client.on('error', () => undefined);
    cleanups.push(() => client.disconnect());
    const start = async (app: string, env: Env): Promise<TestApp> => {
      const shared = { REDIS_URL: redis.url, AMANUENSIS_DATA_FOLDER: dataFolder };
      const started = await startApp(app, dataFolder, { ...shared, ...env });
      cleanups.push(() => started.stop());
      return started;
    };
    const worker = await start('worker', workerEnv);
    const api = withApi ? await start('api', { AMANUENSIS_API_PORT: '0', ...apiEnv }) : null;
    return {
      redis,
      dataFolder,
      worker,
      get api() {
        if (api === null) throw new Error('the system was started without its API');
        return api;
      },
      startWorker: (env = {}) => start('worker', { ...workerEnv, ...env }),
      devices: () => readDevices(client),
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function readDevices(client: Redis): Promise<DeviceStatus[]> {
  const ids = await client.smembers(DEVICE_SET_KEY);
  const reports = await Promise.all(ids.map((id) => client.get(deviceStatusKey(id))));
  return reports.flatMap((report) =>
    report === null ? [] : [deviceStatusSchema.parse(JSON.parse(report))],
  );
}

/** Starts `apps/NAME/dist/main.js` with no settings but these, and waits until it is ready. */
async function startApp(name: string, cwd: string, env: Env): Promise<TestApp> {
  const entry = fileURLToPath(new URL(`../../apps/${name}/dist/main.js`, import.meta.url));
  const { PATH = '', HOME = '' } = process.env;
  const child = fork(entry, [], {
    cwd,
    env: {
      PATH,
      HOME,
      ...(name === 'worker' && { AMANUENSIS_WORKER_CACHE_FOLDER: CACHE_FOLDER }),
      ...env,
    },
    execArgv: [],
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
  const killWithUs = () => child.kill('SIGKILL');
  process.once('exit', killWithUs);
  void exited.then(() => process.off('exit', killWithUs));
  const log = new Log(child);
  const deadline = setTimeout(() => child.kill('SIGKILL'), START_DEADLINE_MS);
  const ready = await Promise.race([
    once(child, 'message').then(([message]) => message),
    exited.then(({ code, signal }) => {
      throw new Error(`${name} ended (${code ?? signal}) before it was ready:\n${log.tail()}`);
    }),
  ]).finally(() => clearTimeout(deadline));
  const stop = async (): Promise<void> => {
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
    child.kill('SIGTERM');
    await exited;
    clearTimeout(timer);
  };
  return {
    pid: child.pid ?? -1,
    ready,
    log: log.lines,
    waitForLog: (fits, deadlineMs = 30_000) => log.waitFor(fits, deadlineMs),
    exited,
    kill: (signal) => void child.kill(signal),
    disconnect: () => child.disconnect(),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** The lines of a process's standard output; what is no JSON is kept as `msg`. */
class Log {
  readonly lines: LogLine[] = [];
  readonly #waiting = new Set<(line: LogLine) => void>();

  constructor({ stdout }: ChildProcess) {
    if (stdout === null) throw new TypeError('standard output must be a pipe');
    createInterface(stdout).on('line', (text) => {
      const line = parseLine(text);
      this.lines.push(line);
      for (const hear of this.#waiting) hear(line);
    });
  }

  waitFor(fits: (line: LogLine) => boolean, deadlineMs: number): Promise<LogLine> {
    const known = this.lines.find(fits);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(hear);
        reject(new Error(`no such line within ${deadlineMs} ms:\n${this.tail()}`));
      }, deadlineMs);
      const hear = (line: LogLine): void => {
        if (!fits(line)) return;
        clearTimeout(timer);
        this.#waiting.delete(hear);
        resolve(line);
      };
      this.#waiting.add(hear);
    });
  }

  tail(): string {
    return this.lines
      .slice(-20)
      .map((line) => JSON.stringify(line))
      .join('\n');
  }
}

function parseLine(text: string): LogLine {
  try {
    return JSON.parse(text);
  } catch {
    return { msg: text };
  }
}
