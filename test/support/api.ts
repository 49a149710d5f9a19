/** The real API on a free port, with a private Redis and data folder, inside the test's process. */

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { REDIS_PREFIX, transcriptionQueueName } from '@amanuensis/contract';
import { createLogger } from '@amanuensis/log';
import { FileStore } from '@amanuensis/store';
import { type Processor, Worker, type WorkerOptions } from 'bullmq';
import { Redis } from 'ioredis';
import { type ApiOverrides, startApi } from '../../apps/api/src/api-server.ts';
import { loadApiConfig } from '../../apps/api/src/config.ts';
import { startRedis, type TestRedis } from './redis.ts';

/** 32 bytes, only for tests. */
export const TEST_SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

export interface TestApi extends AsyncDisposable {
  readonly url: string;
  readonly redis: TestRedis;
  readonly store: FileStore;
  /** What it logged so far, one JSON text a line. */
  readonly logLines: readonly string[];
  /** Names of the recordings that lie in the store, unfinished ones too. */
  listRecordings(): Promise<string[]>;
  /** Consumes the jobs of `demo` in the place of the worker process, until the API stops. */
  consume(processor: Processor, options?: Partial<WorkerOptions>): Worker;
  /** Ends only the API; the rest stays for `restart`. */
  stop(): Promise<boolean>;
  restart(): Promise<void>;
}

export async function startTestApi(
  env: Readonly<Record<string, string>> = {},
  overrides: ApiOverrides = {},
): Promise<TestApi> {
  const redis = await startRedis();
  const dataFolder = await mkdtemp(join(tmpdir(), 'amanuensis-api-'));
  const logLines: string[] = [];
  const logger = createLogger('api', 'debug', { write: (line) => void logLines.push(line) });
  const config = loadApiConfig({
    env: {
      REDIS_URL: redis.url,
      AMANUENSIS_DATA_FOLDER: dataFolder,
      AMANUENSIS_API_PORT: '0',
      AMANUENSIS_API_WEBHOOK_SECRET: TEST_SECRET,
      ...env,
    },
    cwd: dataFolder,
  });
  const start = () => startApi(config, logger, { closeDeadlineMs: 2_000, ...overrides });
  let api = await start();
  let isRunning = true;
  const blobs = join(dataFolder, 'blobs');
  const store = await FileStore.openIn(dataFolder);
  const ends: (() => Promise<unknown>)[] = [];

  const testApi: TestApi = {
    get url() {
      return api.url;
    },
    redis,
    store,
    logLines,
    async listRecordings() {
      const entries = await readdir(blobs, { recursive: true, withFileTypes: true });
      return entries
        .filter((entry) => entry.isFile() && !entry.parentPath.includes('results'))
        .map((entry) => entry.name);
    },
    consume(processor, options = {}) {
      const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
      connection.on('error', () => {});
      const worker = new Worker(transcriptionQueueName('demo'), processor, {
        connection,
        prefix: REDIS_PREFIX,
        ...options,
      });
      worker.on('error', () => {});
      ends.push(async () => {
        await worker.close(true);
        connection.disconnect();
      });
      return worker;
    },
    async stop() {
      isRunning = false;
      return api.close();
    },
    async restart() {
      api = await start();
      isRunning = true;
    },
    async [Symbol.asyncDispose]() {
      for (const end of ends) await end();
      if (isRunning) await api.close();
      await redis.stop();
      await rm(dataFolder, { recursive: true, force: true });
    },
  };
  return testApi;
}

/** Submits `audio` as users do. */
export async function submit(
  url: string,
  fields: Readonly<Record<string, string>> = {},
  audio: Uint8Array | string = 'RIFF',
): Promise<Response> {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  form.set('file', new Blob([audio]), 'standup.wav');
  return fetch(`${url}/v1/transcriptions`, { method: 'POST', body: form });
}

/** Asks until `predicate` likes the answer. */
export async function poll<T>(
  ask: () => Promise<T>,
  predicate: (value: T) => boolean,
  deadlineMs = 15_000,
): Promise<T> {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const value = await ask();
    if (predicate(value)) return value;
    if (Date.now() > end) throw new Error(`not in time; last: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The answer of a GET and its JSON, which is of the type that the caller says. */
export async function getJson<T>(url: string): Promise<{ status: number; body: T }> {
  const response = await fetch(url);
  return { status: response.status, body: (await response.json()) as T };
}

/** What a problem document holds. */
export interface Problem {
  readonly code: string;
  readonly status: number;
  readonly detail: string;
  readonly request_id: string;
}
