/** One attempt of a job: its recording in the store → its transcript in the store. */

import {
  type JobResult,
  resultKey,
  type Transcript,
  type TranscriptionJob,
} from '@amanuensis/contract';
import type { Logger } from '@amanuensis/log';
import {
  type Device,
  type TranscribedPart,
  type TranscribeOptions,
  transcribe,
} from '@amanuensis/pipeline';
import type { BlobStore } from '@amanuensis/store';

/** What a device worker lends to each of its jobs. */
export interface JobResources {
  readonly deviceName: string;
  readonly device: Device;
  readonly store: BlobStore;
  readonly maxDurationSeconds: number;
}

export interface Attempt {
  readonly job: TranscriptionJob;
  /** Counts the starts of the job, stalled ones too: no two attempts write to the same key. */
  readonly number: number;
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** Where earlier attempts got to. */
  readonly resumeFrom: TranscribeOptions['resumeFrom'];
  onPart(part: TranscribedPart): void;
}

/**
 * The transcript is stored under job and attempt; the queue makes the returned key the job's result
 * only while this attempt holds the job's lock, so a late finisher changes nothing.
 *
 * @throws CodedError where the recording is at fault; others where something else is.
 */
export async function processJob(
  { job, number, signal, log, resumeFrom, onPart }: Attempt,
  { deviceName, device, store, maxDurationSeconds }: JobResources,
): Promise<JobResult> {
  const startedAt = performance.now();
  await using audio = await store.localFile(job.audio.blobKey);
  const recording = { path: audio.path, owner: `${job.id}/${number}` };
  const { options } = job;
  const transcribed = await transcribe(recording, device, {
    signal,
    maxDurationSeconds,
    options,
    ...(resumeFrom && { resumeFrom }),
    onPart,
  });
  const executionProvider = device.model.executionProvider;
  const processingSeconds = Math.round(performance.now() - startedAt) / 1000;
  const transcript: Transcript = {
    ...transcribed,
    model: job.model,
    ran_on: { device: deviceName, execution_provider: executionProvider },
    processing_seconds: processingSeconds,
  };
  const key = resultKey(job.id, number);
  await store.putText(key, JSON.stringify(transcript), { signal });
  const { duration: durationSeconds, warnings } = transcript;
  const rtfx = Number((durationSeconds / processingSeconds).toFixed(2));
  log.info({ durationSeconds, processingSeconds, rtfx }, 'job completed');
  const ranOn = { device: deviceName, executionProvider };
  return { resultKey: key, ...ranOn, durationSeconds, processingSeconds, warnings };
}
