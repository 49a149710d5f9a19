/**
 * What a log tells of an error: type, message, stack, code, and the same of its causes.
 *
 * Nothing else of it, since libraries hang onto their errors whatever they had at hand: ioredis the
 * command that failed, which is the password of Redis or the data of a job.
 */

/** Causes may be circular. */
const MAX_CAUSES = 8;

export interface ErrorRecord {
  readonly type: string;
  readonly message: string;
  readonly stack?: string;
  readonly code?: string | number;
  readonly cause?: ErrorRecord;
}

/** What was thrown may be no error; then only its type and, of a text or number, itself is told. */
export function errorToRecord(error: unknown, maxCauses = MAX_CAUSES): ErrorRecord {
  if (!(error instanceof Error)) {
    return { type: typeof error, message: typeof error === 'object' ? 'no error' : String(error) };
  }
  const { message, stack, cause } = error;
  const code = 'code' in error ? error.code : undefined;
  return {
    type: error.constructor.name,
    message,
    ...(stack !== undefined && { stack }),
    ...((typeof code === 'string' || typeof code === 'number') && { code }),
    ...(cause !== undefined && maxCauses > 0 && { cause: errorToRecord(cause, maxCauses - 1) }),
  };
}
