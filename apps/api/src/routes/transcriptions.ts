/** `/v1/transcriptions`: submit a recording, ask how its job is, fetch the result. */

import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import {
  CodedError,
  jobResultSchema,
  type Transcript,
  transcriptSchema,
  transcriptToSrt,
  transcriptToText,
  transcriptToVtt,
} from '@amanuensis/contract';
import { BlobNotFoundError, type BlobStore } from '@amanuensis/store';
import { type Request, Router } from 'express';
import { z } from 'zod';
import type { FoundJob, JobQueue } from '../job-queue.ts';
import { jobToTranscription } from '../job-to-transcription.ts';
import { type UploadParts, uploadToJob } from '../upload-to-job.ts';

/** How soon it makes sense to ask again. */
const POLL_AFTER_S = '1';

interface Format {
  readonly contentType: string;
  /** Null: as it is stored. */
  readonly render: ((transcript: Transcript) => string) | null;
}

const FORMATS: Readonly<Record<string, Format>> = {
  json: { contentType: 'application/json; charset=utf-8', render: null },
  text: { contentType: 'text/plain; charset=utf-8', render: transcriptToText },
  srt: { contentType: 'application/x-subrip; charset=utf-8', render: transcriptToSrt },
  vtt: { contentType: 'text/vtt; charset=utf-8', render: transcriptToVtt },
};

const resultQuerySchema = z.strictObject({
  format: z.enum(Object.keys(FORMATS) as [string, ...string[]]).default('json'),
});

export function transcriptionRoutes(parts: UploadParts): Router {
  const { store, jobs } = parts;
  const router = Router();

  router.post('/', async (request, response) => {
    const { job, state } = await uploadToJob(request, parts);
    const transcription = jobToTranscription(job, state);
    const { id: jobId, model, bytes } = transcription;
    request.log.info({ jobId, model, bytes }, 'job accepted');
    response.status(202).location(`/v1/transcriptions/${jobId}`).set('Retry-After', POLL_AFTER_S);
    response.json(transcription);
  });

  router.get('/:id', async (request, response) => {
    const { job, state } = await findJob(jobs, request);
    const transcription = jobToTranscription(job, state);
    const isOver = transcription.finished_at !== null;
    if (!isOver) response.set('Retry-After', POLL_AFTER_S);
    response.set('Cache-Control', 'no-store').json(transcription);
  });

  router.get('/:id/result', async (request, response) => {
    const query = resultQuerySchema.safeParse(request.query);
    if (!query.success) {
      const known = Object.keys(FORMATS).join(', ');
      throw new CodedError('invalid_request', `format: must be one of ${known}.`);
    }
    const format = FORMATS[query.data.format];
    if (format === undefined) throw new Error(`no format ${query.data.format}`);
    const { job, state } = await findJob(jobs, request);
    const stored = await readResult(store, job, state);
    response.set('Content-Type', format.contentType);
    if (format.render === null) await pipeline(stored, response);
    else response.send(format.render(transcriptSchema.parse(JSON.parse(await text(stored)))));
  });

  return router;
}

async function findJob(jobs: JobQueue, request: Request<{ id: string }>): Promise<FoundJob> {
  const { id } = request.params;
  const found = /^job_[0-9a-f]{32}$/.test(id) ? await jobs.find(id) : null;
  if (found === null) throw new CodedError('not_found', `There is no job ${id.slice(0, 100)}.`);
  return found;
}

async function readResult(
  store: BlobStore,
  job: FoundJob['job'],
  state: string,
): Promise<Readable> {
  const { id, status, error } = jobToTranscription(job, state);
  if (error !== null) {
    throw new CodedError('job_failed', `The job ${id} failed: ${error.code}: ${error.message}`);
  }
  if (status !== 'completed') {
    throw new CodedError('result_not_ready', `The job ${id} is ${status}; it has no result yet.`);
  }
  try {
    return await store.read(jobResultSchema.parse(job.returnvalue).resultKey);
  } catch (error_) {
    if (!(error_ instanceof BlobNotFoundError)) throw error_;
    throw new CodedError('not_found', `The result of the job ${id} is gone.`, { cause: error_ });
  }
}
