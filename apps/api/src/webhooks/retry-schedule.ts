/** When a webhook is tried again: the schedule that the Standard Webhooks specification proposes. */

import type { JobsOptions } from 'bullmq';
import { DeliveryError } from './deliver.ts';

const [MINUTE_MS, HOUR_MS, DAY_S] = [60_000, 3_600_000, 86_400];

/** Pauses before each attempt after the first; about three days in all. */
export const RETRY_DELAYS_MS: readonly number[] = [
  5_000,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  10 * HOUR_MS,
  14 * HOUR_MS,
  20 * HOUR_MS,
  24 * HOUR_MS,
];
/** Pauses grow by up to this share, so that a receiver that comes back is not met by all at once. */
const JITTER = 0.1;

export const DELIVERY_JOB_OPTIONS: JobsOptions = {
  attempts: RETRY_DELAYS_MS.length + 1,
  backoff: { type: 'custom' },
  removeOnComplete: { age: DAY_S },
  removeOnFail: { age: 7 * DAY_S },
};

/** Milliseconds until the next attempt, after `attemptsMade` have failed, the last with `error`. */
export function retryDelayMs(
  attemptsMade: number,
  error: Error | undefined,
  delaysMs = RETRY_DELAYS_MS,
): number {
  const plannedMs = delaysMs[attemptsMade - 1] ?? delaysMs.at(-1) ?? 0;
  const askedMs = error instanceof DeliveryError ? error.retryAfterMs : 0;
  return Math.round(Math.max(plannedMs, askedMs) * (1 + JITTER * Math.random()));
}
