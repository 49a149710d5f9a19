/** Delivers webhooks: the consumer of the deliveries that become due when their jobs finish. */

import {
  parseFailure,
  REDIS_PREFIX,
  WEBHOOK_QUEUE,
  type WebhookDelivery,
  type WebhookEvent,
  webhookDeliverySchema,
} from '@amanuensis/contract';
import type { Logger } from '@amanuensis/log';
import { type Job, UnrecoverableError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { JobQueue } from '../job-queue.ts';
import { DELIVERY_TIMEOUT_MS, DeliveryError, deliver } from './deliver.ts';
import { retryDelayMs } from './retry-schedule.ts';
import type { UrlGuard } from './url-guard.ts';

/** Deliveries wait for their receivers, not for this machine; slow ones must not hold the others. */
const CONCURRENCY = 50;

export interface WebhookWorkerOptions {
  /** With `maxRetriesPerRequest: null`, as BullMQ demands of workers. */
  readonly redis: Redis;
  readonly jobs: JobQueue;
  readonly guard: UrlGuard;
  readonly secret: string;
  readonly logger: Logger;
  /** Cuts running deliveries off; each counts as a failed attempt. */
  readonly signal: AbortSignal;
  /** Replace the schedule and the timeout. */
  readonly retryDelaysMs?: readonly number[];
  readonly timeoutMs?: number;
}

/** Starts it; `close()` ends it. */
export function startWebhookWorker(options: WebhookWorkerOptions): Worker<WebhookDelivery> {
  const { redis, logger, timeoutMs = DELIVERY_TIMEOUT_MS, retryDelaysMs } = options;
  const worker = new Worker<WebhookDelivery>(WEBHOOK_QUEUE, (job) => attempt(job, options), {
    connection: redis,
    prefix: REDIS_PREFIX,
    concurrency: CONCURRENCY,
    lockDuration: 2 * timeoutMs,
    // Attempts bound how often a receiver is tried; a restart of this process is not its fault.
    maxStalledCount: 10,
    settings: {
      backoffStrategy: (attempts, _type, error) => retryDelayMs(attempts, error, retryDelaysMs),
    },
  });
  worker.on('error', (error) => logger.debug({ err: error }, 'webhook worker error'));
  return worker;
}

async function attempt(job: Job<WebhookDelivery>, options: WebhookWorkerOptions): Promise<void> {
  const { eventId, jobId, url } = webhookDeliverySchema.parse(job.data);
  // Of the URL only the origin is logged: paths and queries carry tokens.
  const context = { jobId, eventId, receiver: new URL(url).origin, attempt: job.attemptsMade + 1 };
  try {
    const event = await eventOf(job, options.jobs);
    await deliver({ url, eventId, event }, options);
    options.logger.info({ ...context, type: event.type }, 'webhook delivered');
  } catch (error) {
    const { message } = error as Error;
    options.logger.warn({ ...context, reason: message }, 'webhook not delivered');
    if (error instanceof DeliveryError && error.isFinal) throw new UnrecoverableError(message);
    throw error;
  }
}

/** How the job ended is kept by its parent, so it is known even when the job itself has expired. */
async function eventOf(delivery: Job<WebhookDelivery>, jobs: JobQueue): Promise<WebhookEvent> {
  const id = delivery.data.jobId;
  const [failure] = Object.values(await delivery.getIgnoredChildrenFailures());
  const results = Object.values(await delivery.getChildrenValues());
  if (failure === undefined && results.length === 0) {
    throw new UnrecoverableError('the job was removed before it finished');
  }
  const finishedOn = (await jobs.find(id))?.job.finishedOn;
  const timestamp = new Date(finishedOn ?? Date.now()).toISOString();
  if (failure === undefined) {
    const data = { id, status: 'completed' as const, error: null };
    return { type: 'transcription.completed', timestamp, data };
  }
  const error = parseFailure(failure);
  if (error.code === 'canceled') {
    const data = { id, status: 'canceled' as const, error: null };
    return { type: 'transcription.canceled', timestamp, data };
  }
  const data = { id, status: 'failed' as const, error };
  return { type: 'transcription.failed', timestamp, data };
}
