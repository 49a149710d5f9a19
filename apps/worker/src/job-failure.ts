/** Why an attempt failed: for its user, and for the queue that decides whether another one follows. */

import { CodedError, ERROR_CODES, formatFailure } from '@amanuensis/contract';
import { InferenceError } from '@amanuensis/pipeline';
import { UnrecoverableError } from 'bullmq';

/** What the user is told; the details of what is not the recording's fault stay in the log. */
export function codedFailure(error: unknown): CodedError {
  if (error instanceof CodedError) return error;
  if (error instanceof InferenceError) {
    return new CodedError('device_error', 'The device failed while it ran the job.', {
      cause: error,
    });
  }
  return new CodedError('internal_error', 'Something went wrong inside the service.', {
    cause: error,
  });
}

/** Carries the code in its message, the only thing that the queue keeps. */
export function queueError(failure: CodedError): Error {
  const message = formatFailure(failure);
  return ERROR_CODES[failure.code].retryable ? new Error(message) : new UnrecoverableError(message);
}
