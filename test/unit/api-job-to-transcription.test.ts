/** A BullMQ job in each of its states → the resource that users see. */

import {
  type TranscriptionJob,
  transcriptionOptionsSchema,
  transcriptionSchema,
} from '@amanuensis/contract';
import { expect, test } from 'vitest';
import { type JobRecord, jobToTranscription } from '../../apps/api/src/job-to-transcription.ts';

const data: TranscriptionJob = {
  id: 'job_1',
  tenant: 'default',
  model: 'demo',
  audio: { blobKey: 'audio/job_1', fileName: 'a.wav', bytes: 10 },
  options: transcriptionOptionsSchema.parse({}),
  submittedAtMs: 1_700_000_000_000,
  priority: 'normal',
};
const result = {
  resultKey: 'results/job_1/1.json',
  device: 'cpu0',
  executionProvider: 'CPUExecutionProvider',
  durationSeconds: 8,
  processingSeconds: 2,
  warnings: [{ code: 'truncated', message: 'It ends early.' }],
};

function see(state: string, record: Partial<JobRecord> = {}) {
  const job = { data, progress: 0, returnvalue: null, failedReason: '', attemptsStarted: 0 };
  return transcriptionSchema.parse(jobToTranscription({ ...job, ...record }, state));
}

test.each(['waiting', 'prioritized', 'delayed', 'waiting-children'])('%s is queued', (state) => {
  expect(see(state)).toMatchObject({ status: 'queued', progress: { percent: 0 }, error: null });
});

test('a retry that waits is queued, keeps its attempts and tells no old failure', () => {
  const retry = {
    failedReason: 'device_error: x',
    attemptsStarted: 1,
    processedOn: 1,
    finishedOn: 2,
  };
  expect(see('delayed', retry)).toMatchObject({
    status: 'queued',
    attempts: 1,
    error: null,
    finished_at: null,
  });
});

test.each([
  [0, 8, 0],
  [1, 8, 12],
  [7.99, 8, 99],
  [8, 8, 99], // the result is not there yet
  [9, 8, 99],
  [5, null, 0],
  [0, 0, 0],
])('%d of %d seconds processed are %d percent', (processedSeconds, durationSeconds, percent) => {
  const progress = { processedSeconds, durationSeconds, device: 'cpu0' };
  const seen = see('active', { progress, attemptsStarted: 1 });
  expect(seen).toMatchObject({ status: 'processing', device: 'cpu0', progress: { percent } });
});

test('completed tells what the job returned', () => {
  const seen = see('completed', { returnvalue: result, processedOn: 1_000, finishedOn: 3_000 });
  expect(seen).toMatchObject({
    status: 'completed',
    progress: { percent: 100, processed_seconds: 8, duration_seconds: 8 },
    execution_provider: 'CPUExecutionProvider',
    warnings: result.warnings,
    created_at: '2023-11-14T22:13:20.000Z',
    started_at: '1970-01-01T00:00:01.000Z',
    finished_at: '1970-01-01T00:00:03.000Z',
    result_url: '/v1/transcriptions/job_1/result',
  });
});

test('failed tells the code, and nothing of an error that no worker meant for users', () => {
  expect(see('failed', { failedReason: 'invalid_audio: No.' }).error).toEqual({
    code: 'invalid_audio',
    message: 'No.',
  });
  expect(see('failed', { failedReason: 'ENOENT: /secret' }).error?.code).toBe('internal_error');
});
