/** The logs of all parts as one: a line an event on a terminal, a JSON object a line elsewhere. */

import { styleText } from 'node:util';

const LEVELS: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
};
const INFO = 30;
const WARN = 40;
const ERROR = 50;
const APP_COLUMNS = 6;
const LEVEL_COLUMNS = 5;
/** Of the process that writes, which the name of the app tells already. */
const SELF_EVIDENT = new Set(['pid', 'hostname', 'name']);

export interface LogSink {
  write(line: string): unknown;
  readonly isTTY?: boolean;
}

/** Takes the lines of the apps, pino's JSON or anything else, with the name of who wrote them. */
export type LogLine = (app: string, line: string) => void;

export function writeLogLinesTo(sink: LogSink): LogLine {
  return (app, line) => {
    const record = toRecord(app, line);
    sink.write(`${sink.isTTY ? toPretty(record) : JSON.stringify(record)}\n`);
  };
}

type LogRecord = Readonly<Record<string, unknown>> & {
  readonly level: number;
  readonly time: number;
  readonly msg: string;
};

function toRecord(app: string, line: string): LogRecord {
  const fallback = { level: INFO, time: Date.now(), app };
  try {
    const parsed: unknown = JSON.parse(line);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) {
      return { ...fallback, msg: '', ...parsed } as LogRecord;
    }
  } catch {
    // Not everything that is written is a log of ours.
  }
  return { ...fallback, msg: line };
}

function toPretty({ level, time, app, msg, err, ...rest }: LogRecord): string {
  const clock = new Date(time).toTimeString().slice(0, 8);
  const name = String(app).padEnd(APP_COLUMNS);
  const levelName = (LEVELS[level] ?? String(level)).padEnd(LEVEL_COLUMNS);
  const colour = level >= ERROR ? 'red' : level >= WARN ? 'yellow' : 'green';
  const details = Object.entries(rest)
    .filter(([key]) => !SELF_EVIDENT.has(key))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  const line = [
    clock,
    name,
    styleText(colour, levelName),
    msg,
    styleText('gray', details.join(' ')),
  ];
  const { stack } = (err ?? {}) as { stack?: unknown };
  return line.join(' ').trimEnd() + (typeof stack === 'string' ? `\n${stack}` : '');
}
