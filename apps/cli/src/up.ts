/** `amanuensis up`: the whole system, until it is asked to stop. */

import { once } from 'node:events';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '@amanuensis/config';
import { pino } from 'pino';
import { CliError } from './cli-error.ts';
import { writeLogLinesTo } from './log-lines.ts';
import { listenForStopSignals } from './stop-signals.ts';
import { type System, startSystem } from './system.ts';

const SAMPLE = fileURLToPath(new URL('../../../samples/standup.wav', import.meta.url));

export interface UpOptions {
  /** Of the API; its configuration's where it is not given. */
  readonly port?: number;
}

/**
 * Logs go to standard error, what the user should read to standard output.
 *
 * @throws CliError where something does not come up or ends unasked.
 */
export async function up({ port }: UpOptions): Promise<void> {
  using signals = listenForStopSignals();
  const config = loadConfig(null, {}, { env: process.env, cwd: process.cwd() });
  const onLog = writeLogLinesTo(process.stderr);
  const log = pino({ level: config.logLevel }, { write: (line) => onLog('up', line.trimEnd()) });
  let system: System;
  try {
    system = await startSystem({
      ...config,
      env: { ...process.env, ...(port !== undefined && { AMANUENSIS_API_PORT: String(port) }) },
      log,
      onLog,
      ...signals,
    });
  } catch (error) {
    if (signals.stop.aborted) return;
    throw error;
  }
  process.stdout.write(greet(system));
  const failure = await Promise.race([system.failed, once(signals.stop, 'abort').then(() => null)]);
  if (failure === null) log.info('stops; once more stops at once');
  else log.fatal({ reason: failure }, 'stops, because a part of it is lost');
  await system.stop();
  if (failure !== null) throw new CliError(failure);
}

/** Each line that begins with `curl` works when it is pasted. */
function greet({ url, devices }: System): string {
  const transcriptions = `${url}/v1/transcriptions`;
  const path = relative(process.cwd(), SAMPLE);
  const file = shellQuote(`file=@${path.startsWith('..') ? SAMPLE : path}`);
  const runsOn = devices.map((d) => `${d.device} (${d.executionProvider})`).join(', ');
  return `
Amanuensis listens on ${url} and transcribes on ${runsOn}.

Submit a recording:
  curl -F ${file} ${transcriptions}
Read the text, with the id of the answer in place of ID:
  curl "${transcriptions}/ID/result?format=text"

Ctrl-C stops everything.

`;
}

function shellQuote(text: string): string {
  return /^[\w@=./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
