/** A job as users see it: the resource of `GET /v1/transcriptions/{id}`. */

import { z } from 'zod';
import { ERROR_CODES, type ErrorCode } from './error-code.ts';
import { JOB_STATES } from './job-state.ts';
import { warningSchema } from './transcript.ts';

export const errorCodeSchema = z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]]);

export const transcriptionSchema = z.strictObject({
  id: z.string(),
  status: z.enum(JOB_STATES),
  model: z.string(),
  file_name: z.string(),
  bytes: z.int(),
  progress: z.strictObject({
    percent: z.int().min(0).max(100),
    processed_seconds: z.number(),
    duration_seconds: z.number().nullable(),
  }),
  /** How often processing was started. */
  attempts: z.int().min(0),
  /** The device that works or worked on it. */
  device: z.string().nullable(),
  execution_provider: z.string().nullable(),
  processing_seconds: z.number().nullable(),
  created_at: z.iso.datetime(),
  started_at: z.iso.datetime().nullable(),
  finished_at: z.iso.datetime().nullable(),
  error: z.strictObject({ code: errorCodeSchema, message: z.string() }).nullable(),
  warnings: z.array(warningSchema),
  /** Path of the result once the job is completed. */
  result_url: z.string().nullable(),
});
export type Transcription = z.infer<typeof transcriptionSchema>;
