/** The end of a process by an error that nobody caught. */

import type { Logger } from './create-logger.ts';

/** Logs it as every other error is: Node.js itself would print all that the error carries. */
export function exitOnUncaught(log: Logger): void {
  process.on('uncaughtException', (err) => {
    log.fatal({ err }, 'nobody caught an error');
    process.exit(1);
  });
}
