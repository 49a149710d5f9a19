/** The REST API as this program uses it; every answer is read by the contract's schemas. */

import { openAsBlob } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  isFinished,
  type Transcript,
  type TranscriptFormatName,
  type Transcription,
  transcriptionSchema,
  transcriptSchema,
} from '@amanuensis/contract';
import { CliError } from './cli-error.ts';

/** Of a request without a recording. */
const REQUEST_TIMEOUT_MS = 15_000;
/** Of a request with one, which may be large and the line slow. */
const UPLOAD_TIMEOUT_MS = 3_600_000;
const POLL_INTERVAL_MS = 250;

export interface SubmitOptions {
  readonly model?: string;
  readonly webhookUrl?: string;
}

/** Every method throws CliError where the service cannot be reached or refuses. */
export class RestClient {
  readonly #baseUrl: string;
  readonly #signal: AbortSignal | undefined;

  /** `signal` aborts all that is under way. */
  constructor(baseUrl: string, signal?: AbortSignal) {
    if (!URL.canParse(baseUrl)) throw new CliError(`${baseUrl} is not a URL.`);
    this.#baseUrl = baseUrl.replace(/\/+$/, '');
    this.#signal = signal;
  }

  /** Streams the file; it is never in memory as a whole. */
  async submit(path: string, { model, webhookUrl }: SubmitOptions = {}): Promise<Transcription> {
    const form = new FormData();
    if (model !== undefined) form.append('model', model);
    if (webhookUrl !== undefined) form.append('webhook_url', webhookUrl);
    form.append('file', await open(path), basename(path));
    const init = { method: 'POST', body: form };
    const text = await this.#fetch('/v1/transcriptions', UPLOAD_TIMEOUT_MS, init);
    return transcriptionSchema.parse(JSON.parse(text));
  }

  async get(id: string): Promise<Transcription> {
    return transcriptionSchema.parse(JSON.parse(await this.#fetch(pathOf(id))));
  }

  async result(id: string): Promise<Transcript> {
    return transcriptSchema.parse(JSON.parse(await this.resultText(id, 'json')));
  }

  resultText(id: string, format: TranscriptFormatName): Promise<string> {
    return this.#fetch(`${pathOf(id)}/result?format=${format}`);
  }

  /** Polls until the job is completed, failed or canceled; how long that may take is up to `signal`. */
  async untilFinished(
    id: string,
    onChange: (transcription: Transcription) => void,
  ): Promise<Transcription> {
    for (;;) {
      const transcription = await this.get(id);
      onChange(transcription);
      if (isFinished(transcription.status)) return transcription;
      await delay(POLL_INTERVAL_MS, undefined, { signal: this.#signal }).catch(() => undefined);
      this.#signal?.throwIfAborted(); // with its reason, which the user reads
    }
  }

  /** The body of the answer; the time is for all of it. */
  async #fetch(path: string, timeoutMs = REQUEST_TIMEOUT_MS, init?: RequestInit): Promise<string> {
    const timeout = AbortSignal.timeout(timeoutMs);
    const signal = this.#signal ? AbortSignal.any([this.#signal, timeout]) : timeout;
    let response: Response;
    let body: string;
    try {
      response = await fetch(this.#baseUrl + path, { ...init, signal });
      body = await response.text();
    } catch (error) {
      this.#signal?.throwIfAborted();
      const reason = timeout.aborted ? `no answer in ${timeoutMs / 1000} s` : reasonOf(error);
      throw new CliError(`${this.#baseUrl} cannot be reached: ${reason}`, { cause: error });
    }
    if (!response.ok) throw new CliError(problemOf(response, body));
    return body;
  }
}

const pathOf = (id: string): string => `/v1/transcriptions/${encodeURIComponent(id)}`;

async function open(path: string): Promise<Blob> {
  try {
    return await openAsBlob(path);
  } catch (error) {
    throw new CliError(`${path} cannot be read.`, { cause: error });
  }
}

/** What failed is the cause of fetch's own error. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error && cause.message !== '' ? cause.message : message;
}

/** The service answers with problem documents (RFC 9457); something before it may not. */
function problemOf(response: Response, text: string): string {
  try {
    const { detail, title } = JSON.parse(text) as { detail?: string; title?: string };
    return `The service answered ${response.status}: ${detail ?? title}`;
  } catch {
    return `The service answered ${response.status} ${response.statusText}`;
  }
}
