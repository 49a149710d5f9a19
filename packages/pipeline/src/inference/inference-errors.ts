/** The errors that both implementations of the port share. */

import { InferenceError } from './inference-port.ts';

export function abortedError(signal: AbortSignal): InferenceError {
  return new InferenceError('aborted', 'The run was aborted', { cause: signal.reason });
}

export function busyError(): InferenceError {
  return new InferenceError('busy', 'Another run of this binding is under way');
}

export function disposedError(): InferenceError {
  return new InferenceError('run_failed', 'The binding has been disposed');
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
