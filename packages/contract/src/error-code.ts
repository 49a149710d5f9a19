/** The closed list of error codes that users meet: in problem documents, failed jobs and webhooks. */

export interface ErrorCodeEntry {
  /** HTTP status where a request fails with this code; null where only a job does. */
  readonly status: number | null;
  /** Whether the same request or job may succeed when it is tried again unchanged. */
  readonly retryable: boolean;
  readonly title: string;
}

/** `docs/errors.md` explains each; a test proves that both list the same codes. */
export const ERROR_CODES = {
  invalid_request: { status: 400, retryable: false, title: 'The request is not valid' },
  not_found: { status: 404, retryable: false, title: 'There is no such resource' },
  result_not_ready: { status: 409, retryable: true, title: 'The job has not finished' },
  job_failed: { status: 409, retryable: false, title: 'The job failed and has no result' },
  file_too_large: { status: 413, retryable: false, title: 'The recording is too large' },
  unsupported_media_type: {
    status: 415,
    retryable: false,
    title: 'The request body has an unsupported type',
  },
  invalid_webhook_url: { status: 422, retryable: false, title: 'The webhook URL is not allowed' },
  unknown_model: { status: 422, retryable: false, title: 'No worker serves this model' },
  invalid_audio: { status: 422, retryable: false, title: 'The recording cannot be decoded' },
  audio_too_long: { status: 422, retryable: false, title: 'The recording is too long' },
  deadline_exceeded: { status: null, retryable: true, title: 'The job took longer than allowed' },
  canceled: { status: null, retryable: false, title: 'The job was canceled' },
  device_error: { status: null, retryable: true, title: 'The device failed while it ran the job' },
  worker_lost: { status: null, retryable: true, title: 'The worker processes of the job died' },
  unavailable: { status: 503, retryable: true, title: 'The service cannot take requests now' },
  internal_error: {
    status: 500,
    retryable: true,
    title: 'Something went wrong inside the service',
  },
} as const satisfies Readonly<Record<string, ErrorCodeEntry>>;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface JobError {
  readonly code: ErrorCode;
  readonly message: string;
}

/** An error with a code of the closed list; `message` is meant for the user. */
export class CodedError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CodedError';
    this.code = code;
  }
}

const FAILURE = /^([a-z_]+): ([\s\S]*)$/;
/** The queue's own words when a job met too many dying workers. */
const LOST = /(?:stalled|started) more than allowable limit/;

/** The one line in which a queue keeps why a job failed: `code: message`. */
export function formatFailure({ code, message }: JobError): string {
  return `${code}: ${message}`;
}

/** Reads {@link formatFailure}; what was not written by it is an `internal_error` without details. */
export function parseFailure(reason: string): JobError {
  const [, code, message] = FAILURE.exec(reason) ?? [];
  if (code !== undefined && message !== undefined && Object.hasOwn(ERROR_CODES, code)) {
    return { code: code as ErrorCode, message };
  }
  if (LOST.test(reason)) {
    return { code: 'worker_lost', message: 'The worker died each time it processed this job.' };
  }
  return { code: 'internal_error', message: 'Something went wrong inside the service.' };
}
