/** Jobs through the real API and Redis; a BullMQ worker of the test drives their states. */

import {
  formatFailure,
  type JobResult,
  resultKey,
  type Transcript,
  type Transcription,
  type TranscriptionJob,
  transcriptionSchema,
} from '@amanuensis/contract';
import { type Job, UnrecoverableError } from 'bullmq';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { getJson, type Problem, poll, startTestApi, submit, type TestApi } from '../support/api.ts';

vi.setConfig({ testTimeout: 30_000 });

const TRANSCRIPT: Transcript = {
  text: 'Hello there. Good bye.',
  language: 'en',
  language_probability: null,
  duration: 4,
  model: 'demo',
  segments: [
    {
      id: 0,
      seek: 0,
      start: 0,
      end: 1.5,
      text: ' Hello there.',
      tokens: [1],
      token_logprobs: [-0.1],
      temperature: 0,
      compression_ratio: 1,
      avg_logprob: -0.1,
      no_speech_prob: 0,
    },
    {
      id: 1,
      seek: 0,
      start: 1.5,
      end: 4,
      text: ' Good bye.',
      tokens: [2],
      token_logprobs: [-0.1],
      temperature: 0,
      compression_ratio: 1,
      avg_logprob: -0.1,
      no_speech_prob: 0,
    },
  ],
  warnings: [],
  ran_on: { device: 'cpu0', execution_provider: 'CPUExecutionProvider' },
  processing_seconds: 0.5,
};

/** What a worker does with a job that goes well. */
async function complete(api: TestApi, job: Job<TranscriptionJob>): Promise<JobResult> {
  const key = resultKey(job.data.id, job.attemptsStarted);
  await api.store.putText(key, JSON.stringify(TRANSCRIPT));
  return {
    resultKey: key,
    device: 'cpu0',
    executionProvider: 'CPUExecutionProvider',
    durationSeconds: 4,
    processingSeconds: 0.5,
    warnings: [],
  };
}

describe('the life of a job', () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await startTestApi();
  });
  afterAll(() => api[Symbol.asyncDispose]());

  test('goes from queued over processing, with progress, to completed, with every format', async () => {
    const { id } = (await (await submit(api.url)).json()) as { id: string };
    const url = `${api.url}/v1/transcriptions/${id}`;
    const early = await getJson<Problem>(`${url}/result`);
    expect(early).toMatchObject({ status: 409, body: { code: 'result_not_ready' } });

    let finish = () => {};
    const mayFinish = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const worker = api.consume(async (job) => {
      await job.updateProgress({ processedSeconds: 1, durationSeconds: 4, device: 'cpu0' });
      await mayFinish;
      return complete(api, job);
    });
    const during = await poll(
      () => getJson<Transcription>(url),
      ({ body }) => body.progress.percent > 0,
    );
    expect(transcriptionSchema.parse(during.body)).toMatchObject({
      status: 'processing',
      progress: { percent: 25, processed_seconds: 1, duration_seconds: 4 },
      attempts: 1,
      device: 'cpu0',
      finished_at: null,
    });
    finish();
    const after = await poll(
      () => getJson<Transcription>(url),
      ({ body }) => body.status === 'completed',
    );
    expect(transcriptionSchema.parse(after.body)).toMatchObject({
      progress: { percent: 100, processed_seconds: 4, duration_seconds: 4 },
      device: 'cpu0',
      execution_provider: 'CPUExecutionProvider',
      processing_seconds: 0.5,
      error: null,
      result_url: `/v1/transcriptions/${id}/result`,
    });
    expect(Date.parse(after.body.finished_at ?? '')).toBeGreaterThanOrEqual(
      Date.parse(after.body.started_at ?? ''),
    );

    const result = async (query: string) => {
      const response = await fetch(`${api.url}${after.body.result_url}${query}`);
      return [response.status, response.headers.get('content-type'), await response.text()];
    };
    expect(await result('')).toEqual([
      200,
      'application/json; charset=utf-8',
      JSON.stringify(TRANSCRIPT),
    ]);
    expect(await result('?format=json')).toEqual(await result(''));
    expect(await result('?format=text')).toEqual([
      200,
      'text/plain; charset=utf-8',
      'Hello there.\nGood bye.\n',
    ]);
    expect(await result('?format=srt')).toEqual([
      200,
      'application/x-subrip; charset=utf-8',
      '1\n00:00:00,000 --> 00:00:01,500\nHello there.\n\n2\n00:00:01,500 --> 00:00:04,000\nGood bye.\n\n',
    ]);
    expect(await result('?format=vtt')).toEqual([
      200,
      'text/vtt; charset=utf-8',
      'WEBVTT\n\n00:00.000 --> 00:01.500\nHello there.\n\n00:01.500 --> 00:04.000\nGood bye.\n\n',
    ]);
    expect(await result('?format=tsv')).toEqual([
      200,
      'text/tab-separated-values; charset=utf-8',
      'start\tend\ttext\n0\t1500\tHello there.\n1500\t4000\tGood bye.\n',
    ]);
    const [status, type, verbose] = await result('?format=verbose_json');
    expect([status, type]).toEqual([200, 'application/json; charset=utf-8']);
    expect(JSON.parse(String(verbose))).toMatchObject({ task: 'transcribe', language: 'english' });
    const refusal = await result('?format=vtt&max_line_width=20');
    expect(refusal.slice(0, 2)).toEqual([400, 'application/problem+json; charset=utf-8']);
    expect(JSON.parse(String(refusal[2])).detail).toMatch(/^max_line_width: needs word times/);
    for (const query of [
      '?format=srt&max_line_width=0',
      '?format=text&highlight_words=true',
      '?format=doc',
      '?fromat=srt',
      '?format=srt&format=vtt',
      '?format=__proto__',
    ]) {
      expect((await result(query))[0], query).toBe(400);
    }
    await api.store.removeAll(`results/${id}`);
    expect(await getJson<Problem>(`${url}/result`)).toMatchObject({
      status: 404,
      body: { code: 'not_found' },
    });
    await worker.close();
  });

  test('a failure that is tried again is queued in between; one for good tells its code', async () => {
    const { id } = (await (await submit(api.url)).json()) as { id: string };
    const url = `${api.url}/v1/transcriptions/${id}`;
    const worker = api.consume(async (job) => {
      if (job.attemptsMade === 0) throw new Error('device_error: the device hung');
      throw new UnrecoverableError(
        formatFailure({ code: 'invalid_audio', message: 'This is no recording.' }),
      );
    });
    const between = await poll(
      () => getJson<Transcription>(url),
      ({ body }) => body.attempts === 1 && body.status === 'queued',
    );
    expect(between.body).toMatchObject({ error: null, finished_at: null });
    const after = await poll(
      () => getJson<Transcription>(url),
      ({ body }) => body.status === 'failed',
    );
    expect(transcriptionSchema.parse(after.body)).toMatchObject({
      attempts: 2,
      error: { code: 'invalid_audio', message: 'This is no recording.' },
      result_url: null,
    });
    const result = await getJson<Problem>(`${url}/result`);
    expect(result).toMatchObject({ status: 409, body: { code: 'job_failed' } });
    expect(result.body.detail).toContain('invalid_audio: This is no recording.');
    await worker.close();
  });

  test('the board shows every queue, its page and its files, and retries a failed job', async () => {
    const board = `${api.url}/admin/queues`;
    const page = await fetch(`${board}/`);
    const html = await page.text();
    expect(page.status).toBe(200);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
    expect(html).toContain('<base href="/admin/queues/"');
    const files = [...html.matchAll(/(?:src|href)="(static\/[^"]+)"/g)].map(([, path]) => path);
    expect(files.length).toBeGreaterThan(2);
    for (const path of files) expect((await fetch(`${board}/${path}`)).status, path).toBe(200);

    const { body } = await getJson<{ queues: { name: string }[] }>(`${board}/api/queues`);
    const names = body.queues.map(({ name }) => name);
    expect(names.sort()).toEqual(['transcriptions.demo', 'webhooks']);

    const { id } = (await (await submit(api.url)).json()) as { id: string };
    let failuresLeft = 1;
    const worker = api.consume(async (job) => {
      if (failuresLeft-- > 0) throw new UnrecoverableError('device_error: once');
      return complete(api, job);
    });
    const url = `${api.url}/v1/transcriptions/${id}`;
    await poll(
      () => getJson<Transcription>(url),
      ({ body: job }) => job.status === 'failed',
    );
    const found = await getJson<{ job: { id: string } }>(
      `${board}/api/queues/transcriptions.demo/${id}`,
    );
    expect(found.body.job.id).toBe(id);
    const retried = await fetch(`${board}/api/queues/transcriptions.demo/${id}/retry`, {
      method: 'PUT',
    });
    expect(retried.status, await retried.text()).toBe(204);
    await poll(
      () => getJson<Transcription>(url),
      ({ body: job }) => job.status === 'completed',
    );
    await worker.close();
  });
});
