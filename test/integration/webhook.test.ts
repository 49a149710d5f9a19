/** Webhooks from real jobs to a real receiver, verified by the Standard Webhooks library. */

import {
  formatFailure,
  type JobResult,
  REDIS_PREFIX,
  type Transcription,
  WEBHOOK_QUEUE,
  webhookEventSchema,
} from '@amanuensis/contract';
import { type Job, Queue, UnrecoverableError } from 'bullmq';
import { Redis } from 'ioredis';
import { Webhook } from 'standardwebhooks';
import { expect, test, vi } from 'vitest';
import { getJson, poll, startTestApi, submit, TEST_SECRET, type TestApi } from '../support/api.ts';
import {
  type Answer,
  type ReceivedWebhook,
  startWebhookReceiver,
  type WebhookReceiver,
} from '../support/webhook-receiver.ts';

vi.setConfig({ testTimeout: 30_000 });

const RESULT: JobResult = {
  resultKey: 'results/x/1.json',
  device: 'cpu0',
  executionProvider: 'CPUExecutionProvider',
  durationSeconds: 4,
  processingSeconds: 0.5,
  warnings: [],
};
const succeed = async (): Promise<JobResult> => RESULT;

async function startPair(
  answer?: Answer,
  overrides: Parameters<typeof startTestApi>[1] = {},
): Promise<{ api: TestApi; receiver: WebhookReceiver } & AsyncDisposable> {
  const receiver = await startWebhookReceiver(answer);
  const api = await startTestApi(
    { AMANUENSIS_API_WEBHOOK_ALLOWED_HOSTS: `["${receiver.host}"]` },
    { retryDelaysMs: [50], ...overrides },
  );
  return {
    api,
    receiver,
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]();
      await receiver[Symbol.asyncDispose]();
    },
  };
}

async function submitWithWebhook(api: TestApi, webhookUrl: string): Promise<string> {
  const response = await submit(api.url, { webhook_url: webhookUrl });
  expect(response.status).toBe(202);
  return ((await response.json()) as Transcription).id;
}

const received = (receiver: WebhookReceiver, count: number) =>
  poll(
    async () => receiver.received,
    (all) => all.length >= count,
  );

function verify({ body, headers }: ReceivedWebhook, secret = TEST_SECRET) {
  return webhookEventSchema.parse(
    new Webhook(secret).verify(body, headers as Record<string, string>),
  );
}

/** Deliveries by state, as the queue has them. */
async function deliveries(api: TestApi, state: 'completed' | 'failed' | 'delayed'): Promise<Job[]> {
  const connection = new Redis(api.redis.url);
  const queue = new Queue(WEBHOOK_QUEUE, { connection, prefix: REDIS_PREFIX });
  try {
    return await queue.getJobs([state]);
  } finally {
    await queue.close();
    connection.disconnect();
  }
}

test('a completed job sends one signed, thin event', async () => {
  await using pair = await startPair();
  const { api, receiver } = pair;
  const id = await submitWithWebhook(api, receiver.url);
  api.consume(succeed);
  const [webhook] = await received(receiver, 1);
  if (webhook === undefined) throw new Error('nothing was received');
  expect(webhook).toMatchObject({ method: 'POST', path: '/hook?token=hidden' });
  expect(webhook.headers).toMatchObject({
    'content-type': 'application/json',
    'user-agent': 'Amanuensis/0.1.0',
    'webhook-id': expect.stringMatching(/^evt_[0-9a-f]{32}$/),
  });
  const job = await getJson<Transcription>(`${api.url}/v1/transcriptions/${id}`);
  expect(verify(webhook)).toEqual({
    type: 'transcription.completed',
    timestamp: job.body.finished_at,
    data: { id, status: 'completed', error: null },
  });

  const tampered = { ...webhook, body: webhook.body.replace('completed', 'failed') };
  expect(() => verify(tampered)).toThrow('No matching signature found');
  const otherSecret = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
  expect(() => verify(webhook, otherSecret)).toThrow('No matching signature found');
  const expired = {
    ...webhook,
    headers: { ...webhook.headers, 'webhook-timestamp': '1700000000' },
  };
  expect(() => verify(expired)).toThrow('Message timestamp too old');

  await poll(
    () => deliveries(api, 'completed'),
    (jobs) => jobs.length === 1,
  );
  expect(receiver.received).toHaveLength(1);
  const log = api.logLines.filter((line) => line.includes('webhook delivered'));
  expect(JSON.parse(log[0] ?? '{}')).toMatchObject({
    jobId: id,
    receiver: `http://${receiver.host}`,
  });
  expect(api.logLines.join('')).not.toContain('token=hidden');
});

test('a job that fails for good sends its code', async () => {
  await using pair = await startPair();
  const { api, receiver } = pair;
  const id = await submitWithWebhook(api, receiver.url);
  api.consume(async () => {
    const error = { code: 'invalid_audio', message: 'This is no recording.' } as const;
    throw new UnrecoverableError(formatFailure(error));
  });
  const [webhook] = await received(receiver, 1);
  if (webhook === undefined) throw new Error('nothing was received');
  expect(verify(webhook)).toMatchObject({
    type: 'transcription.failed',
    data: {
      id,
      status: 'failed',
      error: { code: 'invalid_audio', message: 'This is no recording.' },
    },
  });
});

test('a job whose workers die sends worker_lost', async () => {
  await using pair = await startPair();
  const { api, receiver } = pair;
  const id = await submitWithWebhook(api, receiver.url);
  // One consumer takes the job and dies, another one notices. The first must not look for stalled
  // jobs: the consumers of a queue share how often that is done.
  const hung = api.consume(() => new Promise(() => {}), {
    lockDuration: 300,
    skipLockRenewal: true,
    skipStalledCheck: true,
  });
  await new Promise<void>((resolve) => hung.once('active', () => resolve()));
  await hung.close(true);
  api.consume(succeed, { stalledInterval: 200, maxStalledCount: 0 });
  const [webhook] = await received(receiver, 1);
  if (webhook === undefined) throw new Error('nothing was received');
  expect(verify(webhook).data).toMatchObject({
    id,
    status: 'failed',
    error: { code: 'worker_lost' },
  });
});

test('a failure that is tried again sends nothing; only the end of the job does', async () => {
  await using pair = await startPair();
  const { api, receiver } = pair;
  await submitWithWebhook(api, receiver.url);
  let attempts = 0;
  api.consume(async () => {
    attempts++;
    if (attempts === 1) throw new Error('device_error: the device hung');
    return RESULT;
  });
  const [webhook] = await received(receiver, 1);
  if (webhook === undefined) throw new Error('nothing was received');
  expect(verify(webhook).type).toBe('transcription.completed');
  expect(attempts).toBe(2);
});

test('a job that finishes while no API runs sends its event once one does', async () => {
  await using pair = await startPair();
  const { api, receiver } = pair;
  await submitWithWebhook(api, receiver.url);
  expect(await api.stop()).toBe(true);
  const worker = api.consume(succeed);
  await new Promise<void>((resolve) => worker.once('completed', () => resolve()));
  expect(receiver.received).toHaveLength(0);
  await api.restart();
  const [webhook] = await received(receiver, 1);
  if (webhook === undefined) throw new Error('nothing was received');
  expect(verify(webhook).type).toBe('transcription.completed');
});

test('500, then a hang, then 200: the same id each time, and the job does not wait', async () => {
  const answer: Answer = (response, index) => {
    if (index === 0) response.writeHead(500).end('no');
    if (index === 2) response.writeHead(200).end('yes');
  };
  await using pair = await startPair(answer, { timeoutMs: 300 });
  const { api, receiver } = pair;
  const id = await submitWithWebhook(api, receiver.url);
  api.consume(succeed);
  const job = await poll(
    () => getJson<Transcription>(`${api.url}/v1/transcriptions/${id}`),
    ({ body }) => body.status === 'completed',
  );
  expect(receiver.received.length).toBeLessThan(3);
  const all = await received(receiver, 3);
  for (const webhook of all) {
    expect(verify(webhook).timestamp).toBe(job.body.finished_at);
    expect(webhook.body).toBe(all[0]?.body);
    expect(webhook.headers['webhook-id']).toBe(all[0]?.headers['webhook-id']);
  }
  const [done] = await poll(
    () => deliveries(api, 'completed'),
    (jobs) => jobs.length === 1,
  );
  expect(done?.attemptsStarted).toBe(3);
});

test('a redirect is a failure and is not followed', async () => {
  await using trap = await startWebhookReceiver();
  const answer: Answer = (response, index) => {
    if (index === 0) response.writeHead(307, { location: trap.url }).end();
    else response.writeHead(200).end();
  };
  await using pair = await startPair(answer);
  await submitWithWebhook(pair.api, pair.receiver.url);
  pair.api.consume(succeed);
  await received(pair.receiver, 2);
  expect(trap.received).toHaveLength(0);
});

test('410 ends it', async () => {
  await using pair = await startPair((response) => response.writeHead(410).end());
  const { api, receiver } = pair;
  await submitWithWebhook(api, receiver.url);
  api.consume(succeed);
  const [given] = await poll(
    () => deliveries(api, 'failed'),
    (jobs) => jobs.length === 1,
  );
  expect(given).toMatchObject({ attemptsMade: 1, failedReason: 'the receiver answered 410' });
  expect(receiver.received).toHaveLength(1);
  const health = await getJson<{ warnings: string[] }>(`${api.url}/health`);
  expect(health.body.warnings).toContain('1 webhooks were given up: see /admin/queues.');
});

test('an answer without an end does not hold the delivery', async () => {
  const answer: Answer = (response) => {
    response.writeHead(200);
    const pour = () => {
      while (!response.destroyed && response.write(Buffer.alloc(16_384)));
    };
    response.on('drain', pour);
    pour();
  };
  await using pair = await startPair(answer);
  await submitWithWebhook(pair.api, pair.receiver.url);
  pair.api.consume(succeed);
  await poll(
    () => deliveries(pair.api, 'completed'),
    (jobs) => jobs.length === 1,
  );
});

test('a receiver that hangs holds neither other deliveries nor the end of the API', async () => {
  const hang: Answer = () => {};
  await using pair = await startPair(hang);
  const { api, receiver } = pair;
  for (let i = 0; i < 10; i++) await submitWithWebhook(api, receiver.url);
  api.consume(succeed, { concurrency: 10 });
  await received(receiver, 10);
  expect((await fetch(`${api.url}/health`)).status).toBe(200);
  expect(await api.stop()).toBe(true);
  expect(await deliveries(api, 'delayed')).toHaveLength(10); // to be tried again
});

test('a name that turns private after it was checked is not sent to', async () => {
  await using receiver = await startWebhookReceiver();
  const port = new URL(receiver.url).port;
  await using api = await startTestApi(
    {},
    {
      retryDelaysMs: [50],
      resolveAll: async () => [{ address: '93.184.216.34' }],
      lookup: (_hostname, options, done) => {
        const answer = { address: '127.0.0.1', family: 4 };
        if (options.all === true) done(null, [answer]);
        else done(null, answer.address, answer.family);
      },
    },
  );
  await submitWithWebhook(api, `http://rebind.example:${port}/`);
  api.consume(succeed);
  const refusals = await poll(
    async () => api.logLines.filter((line) => line.includes('webhook not delivered')),
    (lines) => lines.length >= 2,
  );
  expect(JSON.parse(refusals[0] ?? '{}').reason).toContain('127.0.0.1');
  expect(JSON.parse(refusals[0] ?? '{}').reason).toContain('is not allowed');
  expect(receiver.received).toHaveLength(0);
});
