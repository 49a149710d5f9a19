/** A job of the queue → the resource that users see. */

import {
  isFinished,
  type JobState,
  jobProgressSchema,
  jobResultSchema,
  parseFailure,
  type Transcription,
  transcriptionJobSchema,
} from '@amanuensis/contract';
import type { Job } from 'bullmq';

/** What is read of a job; BullMQ's `Job` is one. */
export type JobRecord = Pick<
  Job,
  'data' | 'progress' | 'returnvalue' | 'failedReason' | 'attemptsStarted'
> & {
  readonly processedOn?: number | undefined;
  readonly finishedOn?: number | undefined;
};

/** `queueState` is a state of BullMQ; all that wait, also for another attempt, are `queued`. */
export function jobToTranscription(job: JobRecord, queueState: string): Transcription {
  const data = transcriptionJobSchema.parse(job.data);
  const error = queueState === 'failed' ? parseFailure(job.failedReason) : null;
  const status = error?.code === 'canceled' ? 'canceled' : statusOf(queueState);
  const result = status === 'completed' ? jobResultSchema.parse(job.returnvalue) : null;
  // BullMQ gives 0 where nothing was reported.
  const reported = jobProgressSchema.safeParse(job.progress).data;
  const durationSeconds = result?.durationSeconds ?? reported?.durationSeconds ?? null;
  const processedSeconds = result?.durationSeconds ?? reported?.processedSeconds ?? 0;
  return {
    id: data.id,
    status,
    model: data.model,
    file_name: data.audio.fileName,
    bytes: data.audio.bytes,
    progress: {
      percent: result === null ? percentOf(processedSeconds, durationSeconds) : 100,
      processed_seconds: processedSeconds,
      duration_seconds: durationSeconds,
    },
    attempts: job.attemptsStarted,
    device: result?.device ?? reported?.device ?? null,
    execution_provider: result?.executionProvider ?? null,
    processing_seconds: result?.processingSeconds ?? null,
    created_at: new Date(data.submittedAtMs).toISOString(),
    started_at: timeOf(job.processedOn),
    finished_at: isFinished(status) ? timeOf(job.finishedOn) : null,
    error: status === 'failed' ? error : null,
    warnings: result?.warnings ?? [],
    result_url: result === null ? null : `/v1/transcriptions/${data.id}/result`,
  };
}

function statusOf(queueState: string): JobState {
  if (queueState === 'completed' || queueState === 'failed') return queueState;
  return queueState === 'active' ? 'processing' : 'queued';
}

/** Under 100 until the result is there. */
function percentOf(processed: number, duration: number | null): number {
  if (duration === null || duration === 0) return 0;
  return Math.min(99, Math.floor((100 * processed) / duration));
}

function timeOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
