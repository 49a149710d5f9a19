/**
 * The whole product as child processes of this one.
 *
 * ```
 *   start: Redis ─▶ api and worker together          stop: worker (drains) ─▶ api ─▶ Redis
 * ```
 */

import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { z } from 'zod';
import { CliError } from './cli-error.ts';
import { startEmbeddedRedis } from './embedded-redis.ts';
import type { LogLine } from './log-lines.ts';
import { OwnProcess } from './own-process.ts';

const API_START_MS = 30_000;
/** A worker gives its devices up by itself; this ends only one that says nothing at all. */
const WORKER_START_MS = 20 * 60_000;
const API_STOP_MS = 10_000;
/** A worker ends its drain by itself, after its own time; this is for one that hangs. */
const WORKER_STOP_MARGIN_MS = 15_000;
/** Of a worker that is stopped before it told its own. */
const FIRST_DRAIN_SECONDS = 20;

const apiReadySchema = z.object({ type: z.literal('ready'), url: z.url() });
const readyDeviceSchema = z.object({ device: z.string(), executionProvider: z.string() });
const workerReadySchema = z.object({
  type: z.literal('ready'),
  devices: z.array(readyDeviceSchema),
  drainTimeoutSeconds: z.number(),
});
export type ReadyDevice = z.infer<typeof readyDeviceSchema>;

export interface SystemOptions {
  /** Absolute. */
  readonly dataFolder: string;
  /** Without one, an embedded Redis is started. */
  readonly redisUrl?: string | undefined;
  /** Environment of the apps; Redis and the data folder are set over it. */
  readonly env: NodeJS.ProcessEnv;
  readonly log: Logger;
  readonly onLog: LogLine;
  /** Gives up starting. */
  readonly stop: AbortSignal;
  /** Gives up ending well. */
  readonly kill: AbortSignal;
}

export interface System {
  readonly url: string;
  readonly devices: readonly ReadyDevice[];
  /** Resolves with the reason when a part ended that was not asked to. */
  readonly failed: Promise<string>;
  /**
   * Ends all parts in order and resolves when they are gone; never rejects.
   *
   * @returns what did not end cleanly and how, which is logged too: `api: exit code 1`.
   */
  stop(): Promise<readonly string[]>;
}

/** @throws CliError that names the part that did not come up, with its last words. */
export async function startSystem(options: SystemOptions): Promise<System> {
  const { dataFolder, log, onLog, stop, kill } = options;
  const redis =
    options.redisUrl === undefined
      ? await startEmbeddedRedis({ dataFolder, log, signal: stop })
      : null;
  if (redis === null) log.info('uses the Redis of REDIS_URL');
  const env = {
    ...options.env,
    REDIS_URL: redis?.url ?? options.redisUrl,
    AMANUENSIS_REDIS_URL: undefined, // it would win
    AMANUENSIS_DATA_FOLDER: JSON.stringify(dataFolder), // variables are read as YAML
  };
  // Without Redis nothing can end well.
  const redisLost = new AbortController();
  void redis?.lost.then(() => redisLost.abort());
  const atOnce = AbortSignal.any([kill, redisLost.signal]);
  const started: OwnProcess[] = [];
  let drainMs = FIRST_DRAIN_SECONDS * 1000;
  const end = async () => {
    const [api, worker] = started;
    const ends = {
      worker: await worker?.stop(drainMs + WORKER_STOP_MARGIN_MS, atOnce),
      api: await api?.stop(API_STOP_MS, atOnce),
      Redis: await redis?.stop(),
    };
    log.info('stopped');
    return Object.entries(ends).flatMap(([name, how]) => (how ? [`${name}: ${how}`] : []));
  };
  const stopAll = async () => {
    const unclean = await end();
    if (unclean.length > 0) log.error({ unclean }, 'not all parts ended cleanly');
    return unclean;
  };
  try {
    const api = startApp('api', env, onLog);
    started.push(api);
    const worker = startApp('worker', env, onLog);
    started.push(worker);
    const failed = Promise.race([
      ...[api, worker].map((app) => app.exited.then((how) => `${app.name} ended: ${how}`)),
      ...(redis ? [redis.lost] : []),
    ]);
    const [{ url }, { devices, drainTimeoutSeconds }] = await Promise.all([
      untilReady(api, apiReadySchema, { timeoutMs: API_START_MS, stop, failed }),
      untilReady(worker, workerReadySchema, { timeoutMs: WORKER_START_MS, stop, failed }),
    ]);
    drainMs = drainTimeoutSeconds * 1000;
    return { url, devices, failed, stop: stopAll };
  } catch (error) {
    await end();
    throw error;
  }
}

function startApp(name: 'api' | 'worker', env: NodeJS.ProcessEnv, onLog: LogLine): OwnProcess {
  const entry = fileURLToPath(new URL(`../../${name}/dist/main.js`, import.meta.url));
  if (!existsSync(entry)) {
    throw new CliError(`The ${name} is not built (${entry} is missing): run \`npm run build\`.`);
  }
  return new OwnProcess({
    name,
    command: process.execPath,
    args: ['--enable-source-maps', entry],
    env,
    channel: true,
    onLine: (line) => onLog(name, line),
  });
}

interface Wait {
  readonly timeoutMs: number;
  readonly stop: AbortSignal;
  readonly failed: Promise<string>;
}

/** Resolves with the app's message that it is ready. */
async function untilReady<T>(
  app: OwnProcess,
  schema: z.ZodType<T>,
  { timeoutMs, stop, failed }: Wait,
): Promise<T> {
  const waiting = new AbortController();
  const { signal } = waiting;
  const ready = new Promise<T>((resolve) => {
    app.onMessage((message) => {
      const parsed = schema.safeParse(message);
      if (parsed.success) resolve(parsed.data);
    });
  });
  try {
    stop.throwIfAborted();
    return await Promise.race([
      ready,
      app.exited.then((how) => {
        throw notUp(app, how);
      }),
      failed.then((reason) => {
        throw new CliError(reason);
      }),
      delay(timeoutMs, undefined, { signal }).then(() => {
        throw notUp(app, `it was not ready after ${timeoutMs / 1000} s`);
      }),
      once(stop, 'abort', { signal }).then(() => {
        throw stop.reason;
      }),
    ]);
  } finally {
    waiting.abort();
  }
}

function notUp({ name, tail }: OwnProcess, why: string): CliError {
  const [, port] = /EADDRINUSE.*:(\d+)/.exec(tail) ?? [];
  if (port !== undefined) {
    return new CliError(`Port ${port} is taken: choose another one with --port.`);
  }
  return new CliError(`The ${name} did not come up: ${why}. It wrote last:\n${tail}`);
}
