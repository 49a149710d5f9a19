/** A multipart upload → the recording in the store → a job in the queue. */

import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Writable } from 'node:stream';
import { audioKey, CodedError, type TranscriptionJob } from '@amanuensis/contract';
import { type BlobStore, BlobTooLargeError } from '@amanuensis/store';
import busboy from 'busboy';
import { FORM_FIELDS, formToRequest, type SubmitRequest } from './form-to-request.ts';
import { type FoundJob, type JobQueue, MaybeEnqueuedError } from './job-queue.ts';
import type { UrlGuard } from './webhooks/url-guard.ts';

/** Who submits, until there are keys. */
const TENANT = 'default';
const MAX_FILE_NAME_LENGTH = 255;
/** Of fields, boundaries and part headers, beside the file. */
const MAX_OVERHEAD_BYTES = 64 * 1024;
/** A refused upload is read on for this long, so that its sender gets to read the refusal. */
const REFUSED_LINGER_MS = 10_000;
const LIMITS = { fieldSize: 8 * 1024, fields: 40, parts: 45, headerPairs: 50 };

export interface UploadParts {
  readonly store: BlobStore;
  readonly jobs: JobQueue;
  readonly guard: UrlGuard;
  readonly maxUploadBytes: number;
  readonly defaultModel: string;
}

/**
 * Resolves once the recording and the job are durable. If anything fails, a cut connection among
 * it, neither is left, unless it is not known whether the job was added.
 *
 * @throws CodedError
 * @throws MaybeEnqueuedError the recording is kept.
 */
export async function uploadToJob(request: IncomingMessage, parts: UploadParts): Promise<FoundJob> {
  const { store, jobs, guard, defaultModel } = parts;
  const id = `job_${randomUUID().replaceAll('-', '')}`;
  const blobKey = audioKey(id);
  try {
    const { fileName, bytes, asked } = await receive(request, blobKey, parts);
    const model = asked.model ?? defaultModel;
    if (!jobs.has(model)) {
      throw new CodedError('unknown_model', `model: there is no model ${model} here.`);
    }
    if (asked.webhook_url !== undefined) await guard.check(asked.webhook_url);
    const job: TranscriptionJob = {
      id,
      tenant: TENANT,
      model,
      audio: { blobKey, fileName, bytes },
      options: asked.options,
      submittedAtMs: Date.now(),
      priority: asked.priority,
    };
    return await jobs.enqueue(job, asked.webhook_url);
  } catch (error) {
    discardRest(request);
    // A job that was added without an answer will be processed, and needs its recording.
    if (!(error instanceof MaybeEnqueuedError)) await store.remove(blobKey);
    throw error;
  }
}

interface Received {
  readonly fileName: string;
  readonly bytes: number;
  readonly asked: SubmitRequest;
}

async function receive(
  request: IncomingMessage,
  blobKey: string,
  { store, maxUploadBytes }: UploadParts,
): Promise<Received> {
  const tooLarge = new CodedError(
    'file_too_large',
    `The recording is larger than the ${maxUploadBytes} bytes that are accepted.`,
  );
  if (Number(request.headers['content-length']) > maxUploadBytes + MAX_OVERHEAD_BYTES) {
    throw tooLarge;
  }
  const parser = openParser(request);
  const values: Record<string, string> = {};
  let file: Promise<Omit<Received, 'asked'>> | undefined;
  let storeError: Error | undefined;

  parser.on('field', (name, value, { valueTruncated }) => {
    const problem = fieldProblem(name, valueTruncated, values);
    if (problem !== null) parser.destroy(invalid(problem));
    else values[name] = value;
  });
  parser.on('file', (name, stream, { filename }) => {
    if (name !== 'file' || file !== undefined) {
      stream.on('error', () => {});
      parser.destroy(invalid(name === 'file' ? 'file: only one is accepted' : unknownField(name)));
      return;
    }
    const fileName = filename?.slice(0, MAX_FILE_NAME_LENGTH) || 'recording';
    file = store
      .put(blobKey, stream, { maxBytes: maxUploadBytes })
      .then((bytes) => ({ fileName, bytes }));
    file.catch((error) => {
      if (parser.destroyed) return; // the form broke off and took the file with it
      storeError = error instanceof BlobTooLargeError ? tooLarge : error;
      parser.destroy(storeError);
    });
  });
  for (const limit of ['partsLimit', 'fieldsLimit'] as const) {
    parser.on(limit, () => parser.destroy(invalid('the form has too many parts')));
  }

  try {
    await feed(request, parser);
  } catch (error) {
    await file?.catch(() => {}); // only then nothing is written any more
    if (error instanceof CodedError || error === storeError) throw error;
    throw invalid('the form broke off or is malformed', { cause: error });
  }
  if (file === undefined) throw invalid('file: there is none in the form');
  return { ...(await file), asked: formToRequest(values) };
}

/** Like a pipeline, but `request` outlives an error, as its response goes over the same socket. */
async function feed(request: IncomingMessage, parser: Writable): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      parser.on('error', reject);
      parser.once('close', resolve);
      request.once('error', reject);
      request.once('close', () => {
        if (!request.complete) reject(new Error('the connection was cut'));
      });
      request.pipe(parser);
    });
  } catch (error) {
    request.unpipe(parser);
    parser.destroy(error as Error);
    throw error;
  }
}

function discardRest(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  request.resume();
  const timer = setTimeout(() => request.destroy(), REFUSED_LINGER_MS);
  request.once('close', () => clearTimeout(timer));
  request.once('end', () => clearTimeout(timer));
}

function openParser(request: IncomingMessage): busboy.Busboy {
  const type = request.headers['content-type'] ?? '';
  if (!/^multipart\/form-data\b/i.test(type)) {
    const message = 'Send the recording as multipart/form-data, in the field "file".';
    throw new CodedError('unsupported_media_type', message);
  }
  try {
    return busboy({ headers: request.headers, limits: LIMITS, defParamCharset: 'utf8' });
  } catch (error) {
    throw invalid((error as Error).message, { cause: error });
  }
}

function fieldProblem(
  name: string | undefined,
  valueTruncated: boolean,
  values: Record<string, string>,
): string | null {
  if (name === 'file') return 'file: must be a file (a part with a file name)';
  if (name === undefined || !FORM_FIELDS.includes(name)) return unknownField(name);
  if (valueTruncated) return `${name}: is longer than ${LIMITS.fieldSize} bytes`;
  if (Object.hasOwn(values, name)) return `${name}: stands twice in the form`;
  return null;
}

function unknownField(name: string | undefined): string {
  const known = ['file', ...FORM_FIELDS].join(', ');
  return `${name?.slice(0, 100)}: there is no such field; there are ${known}`;
}

function invalid(problem: string, options?: ErrorOptions): CodedError {
  return new CodedError('invalid_request', `${problem}.`, options);
}
