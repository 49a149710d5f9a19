/** Submitting recordings to the real API: what is taken, what is refused, and what is left behind. */

import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import {
  REDIS_PREFIX,
  transcriptionOptionsSchema,
  transcriptionQueueName,
  transcriptionSchema,
} from '@amanuensis/contract';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Health } from '../../apps/api/src/routes/health.ts';
import { getJson, type Problem, poll, startTestApi, submit, type TestApi } from '../support/api.ts';

describe('submitting', () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await startTestApi({ AMANUENSIS_API_MAX_UPLOAD_BYTES: '100000' });
  });
  afterAll(() => api[Symbol.asyncDispose]());

  test('answers 202 with the job, and the recording lies in the store', async () => {
    const response = await submit(api.url, { model: 'demo' }, Buffer.alloc(100_000, 'a'));
    expect(response.status).toBe(202);
    const body = transcriptionSchema.parse(await response.json());
    expect(response.headers.get('location')).toBe(`/v1/transcriptions/${body.id}`);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(body).toMatchObject({
      status: 'queued',
      model: 'demo',
      file_name: 'standup.wav',
      bytes: 100_000,
      attempts: 0,
      started_at: null,
      result_url: null,
    });
    expect(body.id).toMatch(/^job_[0-9a-f]{32}$/);
    await using file = await api.store.localFile(`audio/${body.id}`);
    expect(file.path).toContain(body.id);
    const again = await getJson(`${api.url}/v1/transcriptions/${body.id}`);
    expect(again).toEqual({ status: 200, body });
    const log = api.logLines.find((line) => line.includes(body.id));
    expect(JSON.parse(log ?? '{}')).toMatchObject({ jobId: body.id, model: 'demo' });
  });

  test('every job has a priority, attempts and an end of its keeping', async () => {
    const { id } = (await (await submit(api.url)).json()) as { id: string };
    const connection = new Redis(api.redis.url);
    const queue = new Queue(transcriptionQueueName('demo'), { connection, prefix: REDIS_PREFIX });
    const job = await queue.getJob(id);
    // The normal class begins after a third of BullMQ's priorities.
    expect(job?.opts.priority).toBeGreaterThan(699_050);
    expect(job?.opts.priority).toBeLessThan(2 * 699_050);
    expect(job?.opts).toMatchObject({
      attempts: 3,
      removeOnComplete: { age: 604_800 },
      removeOnFail: { age: 604_800 },
    });
    await queue.close();
    connection.disconnect();
  });

  test('options are those of the job, checked and with their defaults', async () => {
    const form = new FormData();
    form.set('file', new Blob(['a']), 'a.wav');
    form.set('language', 'en');
    form.set('word_timestamps', 'true');
    form.set('temperature', '[0, 0.5]');
    form.set('prompt', '12');
    form.set('priority', 'high');
    const response = await fetch(`${api.url}/v1/transcriptions`, { method: 'POST', body: form });
    expect(response.status).toBe(202);
    const { id } = (await response.json()) as { id: string };
    const connection = new Redis(api.redis.url);
    const queue = new Queue(transcriptionQueueName('demo'), { connection, prefix: REDIS_PREFIX });
    const job = await queue.getJob(id);
    const asked = { language: 'en', word_timestamps: true, temperature: [0, 0.5], prompt: '12' };
    expect(job?.data.options).toEqual(transcriptionOptionsSchema.parse(asked));
    expect(job?.data.priority).toBe('high');
    expect(job?.opts.priority).toBeLessThan(699_050);
    await queue.close();
    connection.disconnect();
  });

  test('fields may come before and after the file; an empty file is for the worker', async () => {
    const form = new FormData();
    form.set('file', new Blob([]), 'leer ä.wav');
    form.set('model', 'demo');
    const response = await fetch(`${api.url}/v1/transcriptions`, { method: 'POST', body: form });
    expect(response.status).toBe(202);
    expect(await response.json()).toMatchObject({ bytes: 0, file_name: 'leer ä.wav' });
  });

  test.each<[string, (form: FormData) => void, number, string, string]>([
    [
      'an unknown field',
      (f) => f.set('modle', 'demo'),
      400,
      'invalid_request',
      'modle: there is no',
    ],
    [
      'a field twice',
      (f) => {
        f.append('model', 'demo');
        f.append('model', 'demo');
      },
      400,
      'invalid_request',
      'model: stands twice',
    ],
    [
      'a second file',
      (f) => f.append('file', new Blob(['b']), 'b.wav'),
      400,
      'invalid_request',
      'file: only one',
    ],
    [
      'a file of another name',
      (f) => f.set('audio', new Blob(['b']), 'b.wav'),
      400,
      'invalid_request',
      'audio: there is no',
    ],
    [
      'an option out of range',
      (f) => f.set('beam_size', '6'),
      400,
      'invalid_request',
      'beam_size: ',
    ],
    [
      'an option that is no value',
      (f) => f.set('word_timestamps', 'yes'),
      400,
      'invalid_request',
      'word_timestamps: must be',
    ],
    [
      'a malformed model',
      (f) => f.set('model', '../x'),
      400,
      'invalid_request',
      'model: is not the name',
    ],
    [
      'an unknown model',
      (f) => f.set('model', 'large'),
      422,
      'unknown_model',
      'model: there is no model large',
    ],
    [
      'a huge field',
      (f) => f.set('model', 'x'.repeat(10_000)),
      400,
      'invalid_request',
      'model: is longer',
    ],
    [
      'too many fields',
      (f) => {
        for (let i = 0; i < 30; i++) f.append('webhook_url', 'x');
      },
      400,
      'invalid_request',
      'webhook_url: stands twice',
    ],
    [
      'a webhook to a private address',
      (f) => f.set('webhook_url', 'http://127.0.0.1/x'),
      422,
      'invalid_webhook_url',
      '127.0.0.1 is not a public address',
    ],
  ])(
    'refuses %s, and nothing is left of the upload',
    async (_what, change, status, code, detail) => {
      const before = await api.listRecordings();
      const form = new FormData();
      form.set('file', new Blob([Buffer.alloc(50_000)]), 'a.wav');
      change(form);
      const response = await fetch(`${api.url}/v1/transcriptions`, { method: 'POST', body: form });
      expect(response.status).toBe(status);
      expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      const problem = (await response.json()) as Problem;
      expect(problem).toMatchObject({ code, status, type: `urn:amanuensis:error:${code}` });
      expect(problem.detail).toContain(detail);
      expect(await api.listRecordings()).toEqual(before);
    },
  );

  test('refuses a form without a file, and a file as a plain field', async () => {
    for (const [name, detail] of [
      ['model', 'file: there is none'],
      ['file', 'file: must be a file'],
    ]) {
      const form = new FormData();
      form.set(name ?? '', 'demo');
      const response = await fetch(`${api.url}/v1/transcriptions`, { method: 'POST', body: form });
      expect(response.status).toBe(400);
      expect(((await response.json()) as Problem).detail).toContain(detail);
    }
  });

  test('refuses other bodies with 415, and a form without a boundary with 400', async () => {
    const url = `${api.url}/v1/transcriptions`;
    const json = await fetch(url, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json' },
    });
    expect([json.status, ((await json.json()) as Problem).code]).toEqual([
      415,
      'unsupported_media_type',
    ]);
    const form = await fetch(url, {
      method: 'POST',
      body: 'x',
      headers: { 'content-type': 'multipart/form-data' },
    });
    expect([form.status, ((await form.json()) as Problem).code]).toEqual([400, 'invalid_request']);
    expect((await fetch(url, { method: 'POST' })).status).toBe(415);
  });

  test.each([
    ['announced', 500_000],
    ['only just, so that its length alone does not tell', 100_001],
  ])('refuses a file over the limit, %s', async (_what, bytes) => {
    const before = await api.listRecordings();
    const response = await submit(api.url, {}, Buffer.alloc(bytes));
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ code: 'file_too_large' });
    expect(await api.listRecordings()).toEqual(before);
  });

  test('refuses an endless upload of unknown length at the limit', async () => {
    const before = await api.listRecordings();
    const head = '--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n';
    const request = httpRequest(`${api.url}/v1/transcriptions`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=b' },
    });
    request.on('error', () => {});
    request.write(head);
    const feeding = setInterval(() => request.write(Buffer.alloc(50_000)), 1);
    try {
      const [response] = await once(request, 'response');
      expect(response.statusCode).toBe(413);
    } finally {
      clearInterval(feeding);
      request.destroy();
    }
    expect(await api.listRecordings()).toEqual(before);
  });

  test('an upload that is cut off leaves no file and no job', async () => {
    const before = await api.listRecordings();
    const counts = async () => (await getJson<Health>(`${api.url}/health`)).body.queues;
    const countsBefore = await counts();
    const { port } = new URL(api.url);
    const socket = connect(Number(port), '127.0.0.1');
    const head = '--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n';
    socket.write(
      'POST /v1/transcriptions HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\nx-request-id: cut-off\r\n' +
        `Content-Type: multipart/form-data; boundary=b\r\n\r\n${head}`,
    );
    socket.write(Buffer.alloc(40_000));
    await poll(
      () => api.listRecordings(),
      (now) => now.length === before.length + 1,
    );
    socket.destroy();
    await poll(
      () => api.listRecordings(),
      (now) => now.length === before.length,
    );
    await poll(
      async () => api.logLines.filter((line) => line.includes('cut-off')),
      (lines) => lines.length > 0,
    );
    expect(await counts()).toEqual(countsBefore);
  });

  test('a form without its end leaves no file either', async () => {
    const before = await api.listRecordings();
    const body =
      '--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF\r\n--b\r\n';
    const response = await fetch(`${api.url}/v1/transcriptions`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'multipart/form-data; boundary=b' },
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'invalid_request' });
    expect(await api.listRecordings()).toEqual(before);
  });

  test('takes a request id that it likes, and makes one otherwise', async () => {
    const ask = async (id: string) => {
      const response = await fetch(`${api.url}/v1/nothing`, { headers: { 'x-request-id': id } });
      const body = (await response.json()) as Problem;
      expect(response.headers.get('x-request-id')).toBe(body.request_id);
      return body.request_id;
    };
    expect(await ask('trace-1')).toBe('trace-1');
    expect(await ask('a b')).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('what does not exist is a problem document too, without a stack', async () => {
    for (const path of [
      '/',
      '/v1/transcriptions/job_1',
      `/v1/transcriptions/job_${'0'.repeat(32)}`,
      '/v1/transcriptions/%E0%A4%A',
    ]) {
      const response = await fetch(api.url + path);
      const text = await response.text();
      expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(JSON.parse(text).code).toBe(path.includes('%E0') ? 'invalid_request' : 'not_found');
      expect(text).not.toContain('node_modules');
    }
  });
});
