/** What an attempt's error becomes for the user and for the queue. */

import { CodedError, parseFailure } from '@amanuensis/contract';
import { InferenceError } from '@amanuensis/pipeline';
import { UnrecoverableError } from 'bullmq';
import { expect, test } from 'vitest';
import { codedFailure, queueError } from '../../apps/worker/src/job-failure.ts';

test('a broken recording is not tried again, and its reason survives the queue', () => {
  const error = queueError(codedFailure(new CodedError('invalid_audio', 'It holds no audio.')));
  expect(error).toBeInstanceOf(UnrecoverableError);
  expect(parseFailure(error.message)).toEqual({
    code: 'invalid_audio',
    message: 'It holds no audio.',
  });
});

test('a failed device is tried again', () => {
  const cause = new InferenceError('run_failed', 'Non-zero status code at /opt/secret');
  const failure = codedFailure(cause);
  expect(failure).toMatchObject({ code: 'device_error', cause });
  expect(queueError(failure)).not.toBeInstanceOf(UnrecoverableError);
  expect(queueError(failure).message).not.toContain('secret');
});

test('what nobody foresaw is an internal error without details', () => {
  const failure = codedFailure(new TypeError('/etc/secret is not iterable'));
  expect(failure.code).toBe('internal_error');
  expect(queueError(failure).message).not.toContain('secret');
});
