/** Errors → problem documents (RFC 9457) with a stable `code` of the contract. */

import { CodedError, ERROR_CODES, type ErrorCode } from '@amanuensis/contract';
import type { ErrorRequestHandler, RequestHandler } from 'express';

const RETRY_AFTER_S = 2;

export const notFound: RequestHandler = (request) => {
  throw new CodedError('not_found', `There is nothing at ${request.method} ${request.path}.`);
};

/** The last handler of the app. What is no `CodedError` is logged and not told. */
export const problemHandler: ErrorRequestHandler = (error: unknown, request, response, _next) => {
  const { code, message, cause } = toCodedError(error);
  const { status, title } = ERROR_CODES[code];
  const httpStatus = status ?? 500;
  if (httpStatus >= 500) request.log.error({ err: cause ?? error, code }, message);
  else request.log.info({ code, reason: message }, 'request refused');
  if (response.headersSent || response.destroyed) {
    response.destroy(); // a result broke off on its way, or the client left
    return;
  }
  if (httpStatus === 503) response.set('Retry-After', String(RETRY_AFTER_S));
  response.status(httpStatus).type('application/problem+json');
  response.send(
    JSON.stringify({
      type: `urn:amanuensis:error:${code}`,
      title,
      status: httpStatus,
      detail: message,
      code,
      request_id: String(request.id),
    }),
  );
};

function toCodedError(error: unknown): { code: ErrorCode; message: string; cause?: unknown } {
  if (error instanceof CodedError) return error;
  const status = error instanceof Error && 'status' in error ? error.status : undefined;
  // Express and its body parsers mark what the client did wrong: a malformed URL, for instance.
  if (error instanceof Error && typeof status === 'number' && status >= 400 && status < 500) {
    return { code: status === 404 ? 'not_found' : 'invalid_request', message: error.message };
  }
  return { code: 'internal_error', message: 'Something went wrong inside the service.' };
}
