/** What the demonstration believes and what it accepts. */

import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { isWorseThanKnown } from '../../apps/cli/src/known-word-error-rates.ts';
import { startWebhookReceiver } from '../../apps/cli/src/webhook-receiver.ts';

test.each([
  ['standup.wav', 0, false],
  ['standup.wav', 1 / 25, false],
  ['standup.wav', 2 / 25, true],
  ['dictation.mp3', 3 / 116, false],
  ['call.wav', 32 / 305, false],
  ['call.wav', 0.2, true],
  ['another.wav', 1, false],
])('%s with a word error rate of %f: worse than known is %s', (name, rate, worse) => {
  expect(isWorseThanKnown(name, rate)).toBe(worse);
});

test('a webhook counts when its signature is right', async () => {
  await using receiver = await startWebhookReceiver();
  expect(receiver.url).toContain(receiver.address);
  const { status } = await post(receiver.url, receiver.secret);
  expect(status).toBe(204);
  await expect(receiver.event('job-1')).resolves.toMatchObject({ type: 'transcription.completed' });
  expect(receiver.refusals).toEqual([]);
});

test.each([
  ['of another secret', (body: string) => ({ secret: `whsec_${'A'.repeat(40)}`, body })],
  ['whose body was changed', (body: string) => ({ body: body.replace('job-1', 'job-2') })],
  ['that is too old', () => ({ sentAt: new Date(Date.now() - 3_600_000) })],
])('a webhook %s is refused and remembered', async (_what, change) => {
  await using receiver = await startWebhookReceiver();
  const { status } = await post(receiver.url, receiver.secret, change);
  expect(status).toBe(400);
  expect(receiver.refusals).toHaveLength(1);
  const event = Promise.race([receiver.event('job-1'), receiver.event('job-2'), 'none']);
  await expect(event).resolves.toBe('none');
});

interface Change {
  readonly secret?: string;
  readonly body?: string;
  readonly sentAt?: Date;
}

/** Posts an event for `job-1`; `change` is what went wrong after or while it was signed. */
function post(url: string, secret: string, change: (body: string) => Change = () => ({})) {
  const data = { id: 'job-1', status: 'completed', error: null };
  const timestamp = new Date().toISOString();
  const signed = JSON.stringify({ type: 'transcription.completed', timestamp, data });
  const changed = change(signed);
  const sentAt = changed.sentAt ?? new Date();
  const headers = {
    'webhook-id': 'event-1',
    'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1000)),
    'webhook-signature': new Webhook(changed.secret ?? secret).sign('event-1', sentAt, signed),
  };
  const body = changed.body ?? signed;
  return fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(5_000) });
}
