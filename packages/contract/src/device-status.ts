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

/** How a device did with a window whose right result is known, before it took its first job. */
export const attestationSchema = z.object({
  model: z.string(),
  /** ONNX Runtime's name of the execution provider that ran it. */
  executionProvider: z.string(),
  /** Of its hidden states with those of the model's own float32 run on a CPU. */
  cosine: z.number(),
  minCosine: z.number(),
  /** What the encoder took for the window. */
  ms: z.number(),
  /** Nodes of the encoder that are not on the CPU, of all; null where the provider does not tell. */
  placement: z.object({ acceleratedNodes: z.int(), nodes: z.int() }).nullable(),
  /** What compiling the encoder took, whenever that was; null where nothing is compiled. */
  compileMs: z.number().nullable(),
});
export type Attestation = Readonly<z.infer<typeof attestationSchema>>;

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
  /** `refused`: it is there and takes no jobs, since it does not work as it should. */
  state: z.enum(['running', 'draining', 'refused']),
  /** Why it is refused; null otherwise. */
  refusal: z.string().nullable().default(null),
  /** One of each model that it holds. */
  attestations: z.array(attestationSchema).default([]),
  startedAtMs: z.int(),
  reportedAtMs: z.int(),
  pools: z.array(poolStatusSchema),
});
export type DeviceStatus = z.infer<typeof deviceStatusSchema>;

export const deviceStatusKey = (workerId: string): string => `${REDIS_PREFIX}:device:${workerId}`;
/** The set of worker ids whose reports may exist. */
export const DEVICE_SET_KEY = `${REDIS_PREFIX}:devices`;
