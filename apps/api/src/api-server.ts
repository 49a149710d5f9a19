/** The running API: every part put together, listening, and its orderly end. */

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from '@amanuensis/log';
import { FileStore } from '@amanuensis/store';
import type { Redis } from 'ioredis';
import { buildApp } from './app.ts';
import type { ApiConfig } from './config.ts';
import { JobQueue } from './job-queue.ts';
import { connectConsumer, connectProducer } from './redis-connection.ts';
import { loadWebhookSecret } from './webhooks/secret.ts';
import { UrlGuard, type UrlGuardOptions } from './webhooks/url-guard.ts';
import { startWebhookWorker, type WebhookWorkerOptions } from './webhooks/webhook-queue.ts';

/** A connection on which nothing moves is given up; an upload that moves has six hours. */
const IDLE_TIMEOUT_MS = 60_000;
const UPLOAD_TIMEOUT_MS = 6 * 3_600_000;
/** Without Redis the API comes up all the same, late by this, so that `/health` can tell. */
const WAIT_FOR_REDIS_MS = 2_000;
/** Requests and deliveries that run when the end is asked for have this long; deliveries half. */
const CLOSE_DEADLINE_MS = 8_000;
/** Nothing that runs can end well without Redis, and BullMQ would wait for it for ever. */
const CLOSE_WITHOUT_REDIS_MS = 1_000;

export interface ApiServer {
  readonly url: string;
  /** Lets running requests end, within a deadline; true if nothing had to be cut off. */
  close(): Promise<boolean>;
}

/** What tests of webhooks replace. */
export type ApiOverrides = Pick<WebhookWorkerOptions, 'retryDelaysMs' | 'timeoutMs'> &
  Pick<UrlGuardOptions, 'resolveAll' | 'lookup'> & { readonly closeDeadlineMs?: number };

export async function startApi(
  config: ApiConfig,
  logger: Logger,
  overrides: ApiOverrides = {},
): Promise<ApiServer> {
  const store = await FileStore.openIn(config.dataFolder);
  const secret = config.webhookSecret ?? (await loadWebhookSecret(config.dataFolder));
  const redis = connectProducer(config.redisUrl, logger);
  const consumerRedis = connectConsumer(config.redisUrl, logger);
  const jobs = new JobQueue({ ...config, redis, logger });
  const guard = new UrlGuard({ ...overrides, allowedHosts: config.webhookAllowedHosts });
  const ending = new AbortController();
  const webhooks = startWebhookWorker({
    ...overrides,
    signal: ending.signal,
    redis: consumerRedis,
    jobs,
    guard,
    secret,
    logger,
  });
  const server = createServer(buildApp({ ...config, redis, store, jobs, guard, logger }));
  server.timeout = IDLE_TIMEOUT_MS;
  server.requestTimeout = UPLOAD_TIMEOUT_MS;

  const disconnect = () => {
    redis.disconnect();
    consumerRedis.disconnect();
  };
  try {
    await within(WAIT_FOR_REDIS_MS, untilReady(redis));
    const url = await listen(server, config.host, config.port);
    return { url, close };
  } catch (error) {
    disconnect();
    throw error;
  }

  async function close(): Promise<boolean> {
    const deadlineMs = overrides.closeDeadlineMs ?? CLOSE_DEADLINE_MS;
    // A delivery whose receiver is slow is tried again by the next API process, with the same id.
    const timer = setTimeout(() => ending.abort(new Error('the API stops')), deadlineMs / 2);
    const ended = (async () => {
      await Promise.all([new Promise((resolve) => server.close(resolve)), webhooks.close()]);
      await jobs.close();
    })();
    // Redis may have left already, or leave meanwhile: then there is nothing to wait for.
    const isClean = await Promise.race([
      within(deadlineMs, ended),
      untilLost(redis).then(() => within(CLOSE_WITHOUT_REDIS_MS, ended)),
    ]);
    clearTimeout(timer);
    server.closeAllConnections();
    disconnect();
    return isClean;
  }
}

function listen(server: Server, host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      const { address, family, port: actualPort } = server.address() as AddressInfo;
      resolve(`http://${family === 'IPv6' ? `[${address}]` : address}:${actualPort}`);
    });
  });
}

function untilReady(redis: Redis): Promise<void> {
  return new Promise((resolve) => {
    if (redis.status === 'ready') resolve();
    else redis.once('ready', () => resolve());
  });
}

function untilLost(redis: Redis): Promise<void> {
  return new Promise((resolve) => {
    if (redis.status !== 'ready') resolve();
    else redis.once('close', () => resolve());
  });
}

/** True if `work` ended well in time. */
async function within(deadlineMs: number, work: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, deadlineMs, false);
  });
  const ended = work.then(
    () => true,
    () => false,
  );
  const isClean = await Promise.race([ended, late]);
  clearTimeout(timer);
  return isClean;
}
