/** Logs of several processes as one. */

import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { writeLogLinesTo } from '../../apps/cli/src/log-lines.ts';

const ERROR_LINE = JSON.stringify({
  level: 50,
  time: new Date(2026, 0, 2, 3, 4, 5).getTime(),
  pid: 7,
  hostname: 'host',
  msg: 'died',
  device: 'cpu0',
  err: { stack: 'Error: why\n    at there' },
});

test('each line is a JSON object that names its app, whatever was written', () => {
  const records = linesOf(false).map((line) => JSON.parse(line) as unknown);
  expect(records).toMatchObject([
    { level: 50, app: 'worker', msg: 'died', device: 'cpu0', pid: 7 },
    { level: 30, app: 'worker', msg: 'no JSON at all', time: expect.any(Number) },
    { level: 30, app: 'worker', msg: '[1]' },
    { level: 40, app: 'redis', msg: '' },
  ]);
});

test('on a terminal each event is a line that is read at once', () => {
  expect(linesOf(true).map(stripVTControlCharacters)).toEqual([
    '03:04:05 worker error died device="cpu0"\nError: why\n    at there\n',
    expect.stringMatching(/^\d\d:\d\d:\d\d worker info {2}no JSON at all\n$/),
    expect.stringMatching(/ \[1\]\n$/),
    expect.stringMatching(/ redis {2}warn\n$/),
  ]);
});

function linesOf(isTTY: boolean): string[] {
  const written: string[] = [];
  const onLog = writeLogLinesTo({ write: (text) => written.push(text), isTTY });
  onLog('worker', ERROR_LINE);
  onLog('worker', 'no JSON at all');
  onLog('worker', '[1]');
  onLog('up', '{"level":40,"app":"redis"}');
  return written;
}
