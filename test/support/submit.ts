/** Puts recordings into the queue as the API does, for tests of the worker alone. */

import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  audioKey,
  isFinished,
  type JobResult,
  jobResultSchema,
  REDIS_PREFIX,
  type Transcript,
  type TranscriptionJob,
  transcriptionOptionsSchema,
  transcriptionQueueName,
  transcriptSchema,
} from '@amanuensis/contract';
import { FileStore } from '@amanuensis/store';
import { Queue } from 'bullmq';
import type { TestSystem } from './system.ts';

const POLL_MS = 20;

export interface FinishedJob {
  readonly state: 'completed' | 'failed';
  readonly failedReason: string;
  readonly attemptsStarted: number;
  readonly result: JobResult | null;
  readonly transcript: Transcript | null;
}

export interface Submitter extends AsyncDisposable {
  readonly queue: Queue;
  readonly store: FileStore;
  /** @returns the job's id. */
  submit(recording: string | Buffer, attempts?: number): Promise<string>;
  finished(jobId: string, deadlineMs?: number): Promise<FinishedJob>;
}

export const samplePath = (name: string): string =>
  fileURLToPath(new URL(`../../samples/${name}`, import.meta.url));

export async function openSubmitter({ redis, dataFolder }: TestSystem): Promise<Submitter> {
  const queue = new Queue(transcriptionQueueName('demo'), {
    prefix: REDIS_PREFIX,
    connection: { url: redis.url },
  });
  const store = await FileStore.openIn(dataFolder);
  return {
    queue,
    store,
    async submit(recording, attempts = 3) {
      const id = `job-${randomUUID()}`;
      const isPath = typeof recording === 'string';
      const source = isPath ? createReadStream(recording) : Readable.from([recording]);
      const bytes = await store.put(audioKey(id), source);
      const job: TranscriptionJob = {
        id,
        tenant: 'test',
        model: 'demo',
        audio: { blobKey: audioKey(id), fileName: 'recording', bytes },
        options: transcriptionOptionsSchema.parse({}),
        submittedAtMs: Date.now(),
        priority: 'normal',
      };
      await queue.add('transcribe', job, { jobId: id, attempts, priority: 1 });
      return id;
    },
    async finished(jobId, deadlineMs = 60_000) {
      const endsAt = performance.now() + deadlineMs;
      while (performance.now() < endsAt) {
        // The state first: a job read before it ended would have no result yet.
        const state = await queue.getJobState(jobId);
        const job = await queue.getJob(jobId);
        if (job && (state === 'completed' || state === 'failed') && isFinished(state)) {
          const result = job.returnvalue ? jobResultSchema.parse(job.returnvalue) : null;
          const { failedReason, attemptsStarted } = job;
          const transcript = result && (await readTranscript(store, result.resultKey));
          return { state, failedReason, attemptsStarted, result, transcript };
        }
        await delay(POLL_MS);
      }
      throw new Error(`the job did not finish within ${deadlineMs} ms`);
    },
    async [Symbol.asyncDispose]() {
      await queue.close();
    },
  };
}

async function readTranscript(store: FileStore, key: string): Promise<Transcript> {
  const chunks: Buffer[] = [];
  for await (const chunk of await store.read(key)) chunks.push(chunk);
  return transcriptSchema.parse(JSON.parse(Buffer.concat(chunks).toString()));
}
