/** When a webhook is tried again. */

import { expect, test } from 'vitest';
import { DeliveryError } from '../../apps/api/src/webhooks/deliver.ts';
import {
  DELIVERY_JOB_OPTIONS,
  RETRY_DELAYS_MS,
  retryDelayMs,
} from '../../apps/api/src/webhooks/retry-schedule.ts';

test('ten attempts over about three days, each pause with some jitter above it', () => {
  expect(DELIVERY_JOB_OPTIONS.attempts).toBe(10);
  const totalHours = RETRY_DELAYS_MS.reduce((sum, ms) => sum + ms, 0) / 3_600_000;
  expect(totalHours).toBeCloseTo(75.6, 1);
  for (const [index, planned] of RETRY_DELAYS_MS.entries()) {
    const delays = Array.from({ length: 50 }, () => retryDelayMs(index + 1, new Error('500')));
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(planned);
    expect(Math.max(...delays)).toBeLessThanOrEqual(planned * 1.1 + 1);
    expect(new Set(delays).size).toBeGreaterThan(10);
  }
});

test('a receiver may ask for more time, not for less', () => {
  const busy = (retryAfterMs: number) => new DeliveryError('503', 503, retryAfterMs);
  expect(retryDelayMs(1, busy(60_000))).toBeGreaterThanOrEqual(60_000);
  expect(retryDelayMs(2, busy(1_000))).toBeGreaterThanOrEqual(300_000);
});
