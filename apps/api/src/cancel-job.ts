/** Ends a job that nobody wants any more: at once where it waits, soon where it runs. */

import { randomUUID } from 'node:crypto';
import {
  CANCEL_CHANNEL,
  CANCEL_TTL_MS,
  CodedError,
  cancelKey,
  formatFailure,
} from '@amanuensis/contract';
import { type Job, UnrecoverableError } from 'bullmq';
import type { Redis } from 'ioredis';

/** Between taking a job that waits and failing it; a death between them leaves a stalled job. */
const LOCK_MS = 30_000;

/**
 * Takes a waiting job as a worker would, so that only one of them has it.
 * KEYS: prioritized, delayed, active, the job's lock. ARGV: job id, token, lock time in ms.
 */
const TAKE = `
  if redis.call('ZREM', KEYS[1], ARGV[1]) + redis.call('ZREM', KEYS[2], ARGV[1]) == 0 then
    return 0
  end
  redis.call('LPUSH', KEYS[3], ARGV[1])
  redis.call('SET', KEYS[4], ARGV[2], 'PX', ARGV[3])
  return 1`;

/**
 * The flag comes first: whoever starts the job from now on sees it, and a worker that runs it hears
 * of it. A job that has finished stays as it is.
 */
export async function cancelJob(redis: Redis, job: Job): Promise<void> {
  const jobId = job.id ?? '';
  await redis.set(cancelKey(jobId), '1', 'PX', CANCEL_TTL_MS);
  const token = `cancel:${randomUUID()}`;
  const queueKey = (part: string): string => `${job.prefix}:${job.queueName}:${part}`;
  const keys = ['prioritized', 'delayed', 'active', `${jobId}:lock`].map(queueKey);
  const isTaken = await redis.eval(TAKE, keys.length, ...keys, jobId, token, LOCK_MS);
  if (isTaken !== 1) {
    await redis.publish(CANCEL_CHANNEL, jobId);
    return;
  }
  const reason = formatFailure(new CodedError('canceled', 'The job was canceled.'));
  await job.moveToFailed(new UnrecoverableError(reason), token);
}
