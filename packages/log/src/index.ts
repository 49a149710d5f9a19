/** How the apps log. */

export { createLogger, type Logger } from './create-logger.ts';
export { errorToRecord } from './error-to-record.ts';
export { exitOnUncaught } from './exit-on-uncaught.ts';
