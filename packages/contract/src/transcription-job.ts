/** What travels through Redis: the data of a job, its progress and what it returns. */

import { z } from 'zod';
import { warningSchema } from './transcript.ts';
import { transcriptionOptionsSchema } from './transcription-options.ts';

/** Hash-tagged, so that all keys of the product lie in one slot of a Redis Cluster. */
export const REDIS_PREFIX = '{amanuensis}';

/** Queue of the deliveries of webhooks. */
export const WEBHOOK_QUEUE = 'webhooks';

/** Jobs wait in the queue of their model, so that a device takes the queues of the models it holds. */
export function transcriptionQueueName(model: string): string {
  return `transcriptions.${model}`;
}

/** Name of a model: that of its folder. */
export const modelNameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/i, 'is not the name of a model');

/** The jobs of a class go before those of the next. */
export const PRIORITY_CLASSES = ['high', 'normal', 'low'] as const;
export type PriorityClass = (typeof PRIORITY_CLASSES)[number];

export const transcriptionJobSchema = z.strictObject({
  id: z.string(),
  /** Opaque: who submitted the job. */
  tenant: z.string(),
  model: modelNameSchema,
  audio: z.strictObject({
    /** Key of the recording in the blob store. */
    blobKey: z.string(),
    /** The name under which it was uploaded; shown, never used as a path. */
    fileName: z.string(),
    bytes: z.int().min(0),
  }),
  options: transcriptionOptionsSchema,
  /** Milliseconds since the epoch. */
  submittedAtMs: z.int(),
  /** Milliseconds since the epoch: a job that is not done by then is canceled. */
  cancelAfterMs: z.int().optional(),
  priority: z.enum(PRIORITY_CLASSES).default('normal'),
});
export type TranscriptionJob = z.infer<typeof transcriptionJobSchema>;

export const jobProgressSchema = z.strictObject({
  /** Seconds of the recording that are transcribed. */
  processedSeconds: z.number().min(0),
  /** Declared or decoded length; null while it is not known. */
  durationSeconds: z.number().min(0).nullable(),
  /** The device that works on the job. */
  device: z.string(),
});
export type JobProgress = z.infer<typeof jobProgressSchema>;

/** A finished job keeps a reference to its transcript, not the transcript. */
export const jobResultSchema = z.strictObject({
  resultKey: z.string(),
  device: z.string(),
  executionProvider: z.string(),
  durationSeconds: z.number().min(0),
  processingSeconds: z.number().min(0),
  warnings: z.array(warningSchema),
});
export type JobResult = z.infer<typeof jobResultSchema>;

/** Data of a webhook's delivery, the parent of its transcription job in a BullMQ flow. */
export const webhookDeliverySchema = z.strictObject({
  /** Constant over all attempts: receivers use it to drop repetitions. */
  eventId: z.string(),
  jobId: z.string(),
  model: modelNameSchema,
  url: z.url(),
});
export type WebhookDelivery = z.infer<typeof webhookDeliverySchema>;

export const audioKey = (jobId: string): string => `audio/${jobId}`;
export const resultKey = (jobId: string, attempt: number): string =>
  `results/${jobId}/${attempt}.json`;
/** What a running job has transcribed so far: a list that other attempts go on from. */
export const checkpointLogKey = (jobId: string): string => `${REDIS_PREFIX}:checkpoints:${jobId}`;
/** Stands while somebody wants the job canceled; workers look at it before and after an attempt. */
export const cancelKey = (jobId: string): string => `${REDIS_PREFIX}:cancel:${jobId}`;
/** Channel on which the ids of jobs that are to be canceled are told to all workers. */
export const CANCEL_CHANNEL = `${REDIS_PREFIX}:cancel`;
/** A job that was asked to be canceled and is not found within this time has ended otherwise. */
export const CANCEL_TTL_MS = 24 * 3600 * 1000;
