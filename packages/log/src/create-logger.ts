/** The logger of an app: a JSON object a line, in which errors cannot tell secrets. */

import { type DestinationStream, type Logger, pino } from 'pino';
import { errorToRecord } from './error-to-record.ts';

export type { Logger } from 'pino';

/** @param destination standard output where it is not given. */
export function createLogger(app: string, level: string, destination?: DestinationStream): Logger {
  const base = { app, pid: process.pid };
  const serializers = { err: errorToRecord };
  return pino({ level, base, serializers }, destination);
}
