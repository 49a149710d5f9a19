/** What a log tells of an error, and what it must not. */

import { createLogger } from '@amanuensis/log';
import { expect, test } from 'vitest';

function logged(err: unknown): { text: string; err: Record<string, unknown> } {
  let text = '';
  const write = (line: string) => {
    text += line;
  };
  createLogger('test', 'info', { write }).child({ part: 'child' }).error({ err }, 'failed');
  return { text, err: JSON.parse(text).err };
}

test('type, message, stack, code and causes are told, and nothing else', () => {
  const command = { name: 'hello', args: ['3', 'AUTH', 'default', 'hunter2'] };
  const cause = Object.assign(new TypeError('inner'), { previousErrors: [{ command }], code: 7 });
  const error = Object.assign(new Error('outer', { cause }), { command, code: 'EOUTER' });
  const { text, err } = logged(error);
  expect(err).toEqual({
    type: 'Error',
    message: 'outer',
    code: 'EOUTER',
    stack: error.stack,
    cause: { type: 'TypeError', message: 'inner', code: 7, stack: cause.stack },
  });
  expect(text).not.toContain('hunter2');
});

test('circular causes end', () => {
  const error = new Error('a');
  error.cause = new Error('b', { cause: error });
  expect(logged(error).text.length).toBeLessThan(50_000);
});

test('what is no error is not looked into', () => {
  expect(logged({ message: 'hunter2' }).err).toEqual({ type: 'object', message: 'no error' });
  expect(logged('a reason').err).toEqual({ type: 'string', message: 'a reason' });
});
