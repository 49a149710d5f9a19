/** `/v1/transcriptions`: submit a recording, ask how its job is, fetch the result. */

import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import {
  CodedError,
  jobResultSchema,
  parseSubtitleOptions,
  type SubtitleOptions,
  TRANSCRIPT_FORMAT_NAMES,
  TRANSCRIPT_FORMATS,
  type TranscriptFormatName,
  transcriptSchema,
} from '@amanuensis/contract';
import { BlobNotFoundError, type BlobStore } from '@amanuensis/store';
import { type Request, Router } from 'express';
import { z } from 'zod';
import type { FoundJob, JobQueue } from '../job-queue.ts';
import { jobToTranscription } from '../job-to-transcription.ts';
import { type UploadParts, uploadToJob } from '../upload-to-job.ts';

/** How soon it makes sense to ask again. */
const POLL_AFTER_S = '1';

const formatSchema = z.enum(TRANSCRIPT_FORMAT_NAMES).default('json');

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

  router.post('/:id/cancel', async (request, response) => {
    const { job } = await findJob(jobs, request);
    await jobs.cancel(job);
    const { job: now, state } = await findJob(jobs, request);
    const transcription = jobToTranscription(now, state);
    request.log.info({ jobId: transcription.id }, 'job is to be canceled');
    response.status(transcription.finished_at === null ? 202 : 200).json(transcription);
  });

  router.get('/:id/result', async (request, response) => {
    const { name, subtitles } = readResultQuery(request.query);
    const format = TRANSCRIPT_FORMATS[name];
    const { job, state } = await findJob(jobs, request);
    const stored = await readResult(store, job, state);
    if (name === 'json') {
      response.set('Content-Type', format.mediaType);
      await pipeline(stored, response);
      return;
    }
    const transcript = transcriptSchema.parse(JSON.parse(await text(stored)));
    const written = format.write(transcript, { subtitles, task: job.data.options.task });
    response.set('Content-Type', format.mediaType).send(written);
  });

  return router;
}

interface ResultQuery {
  readonly name: TranscriptFormatName;
  readonly subtitles: SubtitleOptions;
}

function readResultQuery({ format, ...options }: Record<string, unknown>): ResultQuery {
  const name = formatSchema.safeParse(format);
  if (!name.success) {
    const known = TRANSCRIPT_FORMAT_NAMES.join(', ');
    throw new CodedError('invalid_request', `format: must be one of ${known}.`);
  }
  const subtitles = parseSubtitleOptions(options);
  const [option] = Object.keys(subtitles);
  if (option !== undefined && !TRANSCRIPT_FORMATS[name.data].isSubtitles) {
    throw new CodedError('invalid_request', `${option}: is for subtitles, not for ${name.data}.`);
  }
  return { name: name.data, subtitles };
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
  if (status === 'canceled') {
    throw new CodedError('job_failed', `The job ${id} was canceled and has no result.`);
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
