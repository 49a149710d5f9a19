/** The closed list of error codes: documented in full, and read back from what a queue keeps. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ERROR_CODES, formatFailure, parseFailure } from '@amanuensis/contract';
import { expect, test } from 'vitest';
import { ROOT } from '../support/paths.ts';

test('docs/errors.md lists exactly the codes of the contract, with their status and retryability', () => {
  const page = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8');
  const rows = [...page.matchAll(/^\| `([a-z_]+)` \| ([^|]+) \| (yes|no) \| [^|]+ \| [^|]+ \|$/gm)];
  const documented = rows.map(([, code, status, retryable]) => [code, status, retryable]);
  const declared = Object.entries(ERROR_CODES).map(([code, { status, retryable }]) => [
    code,
    status === null ? 'of jobs' : String(status),
    retryable ? 'yes' : 'no',
  ]);
  expect(documented.sort()).toEqual(declared.sort());
});

test.each(Object.keys(ERROR_CODES) as (keyof typeof ERROR_CODES)[])(
  '%s survives the way through the queue',
  (code) => {
    const failure = { code, message: 'Line one: a colon,\nand a second line.' };
    expect(parseFailure(formatFailure(failure))).toEqual(failure);
  },
);

test.each([
  '',
  'ENOENT: no such file or directory, open /secret/path',
  'no_such_code: x',
  'constructor: x',
  'TypeError: cannot read properties',
  ' invalid_audio: leading space',
])('what no worker wrote on purpose stays inside: %j', (reason) => {
  expect(parseFailure(reason)).toEqual({
    code: 'internal_error',
    message: 'Something went wrong inside the service.',
  });
});

test('a job that BullMQ gave up after stalls counts as lost by its workers', () => {
  const reason = 'job stalled more than allowable limit';
  expect(parseFailure(reason).code).toBe('worker_lost');
});
