/** What each device worker reports about itself in Redis, so that the API can tell how the fleet is. */

import { z } from 'zod';
import { REDIS_PREFIX } from './transcription-job.ts';

/** A report that is not renewed for this long is gone, and its device counts as lost. */
export const DEVICE_STATUS_TTL_MS = 15_000;
/** How often a device worker renews its report. */
export const DEVICE_STATUS_INTERVAL_MS = 2_000;

export const poolStatusSchema = z.object({
  /** Whose pool it is: each model has one of each name. */
  model: z.string(),
  name: z.string(),
  max: z.int(),
  inUse: z.int(),
  highWaterMark: z.int(),
  acquires: z.int(),
  hits: z.int(),
  misses: z.int(),
  exhaustions: z.int(),
  /** Slots whose holder did not release them in the time that a job may take. */
  leaked: z.int(),
  hasLeaks: z.boolean(),
  bytesCommitted: z.int(),
});

export type PoolStatus = z.infer<typeof poolStatusSchema>;

export const deviceStatusSchema = z.object({
  /** Unique in the fleet: host, supervisor and device. */
  workerId: z.string(),
  device: z.string(),
  executionProvider: z.string(),
  host: z.string(),
  pid: z.int(),
  models: z.array(z.string()),
  /** Jobs that may run at once; computed from the pools. */
  concurrency: z.int(),
  jobsActive: z.int(),
  state: z.enum(['running', 'draining']),
  startedAtMs: z.int(),
  reportedAtMs: z.int(),
  pools: z.array(poolStatusSchema),
});
export type DeviceStatus = z.infer<typeof deviceStatusSchema>;

export const deviceStatusKey = (workerId: string): string => `${REDIS_PREFIX}:device:${workerId}`;
/** The set of worker ids whose reports may exist. */
export const DEVICE_SET_KEY = `${REDIS_PREFIX}:devices`;
