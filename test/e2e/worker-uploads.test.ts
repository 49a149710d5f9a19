/** Uploads through the whole system: a good recording, and what is none. */

import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { isFinished, type Transcription, transcriptionSchema } from '@amanuensis/contract';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { samplePath } from '../support/submit.ts';
import { startSystem, type TestSystem } from '../support/system.ts';

const DEADLINE_MS = 60_000;
const POLL_MS = 50;

let system: TestSystem;
let url: string;

beforeAll(async () => {
  system = await startSystem();
  url = String(system.api.ready.url);
});
afterAll(() => system?.stop());

test('a recording comes back as text', async () => {
  const bytes = await readFile(samplePath('voicemail.wav'));
  const job = await finished(await upload(bytes, 'voicemail.wav'));
  expect(job).toMatchObject({ status: 'completed', device: 'cpu0', attempts: 1, error: null });
  expect(job.progress.percent).toBe(100);
  const text = await (await fetch(new URL(`${job.result_url}?format=text`, url))).text();
  expect(text).toContain('The meeting with Daniel is on Thursday');
});

test('what is no recording ends as failed, with help, and the worker lives', async () => {
  const [before] = await system.devices();
  const broken: [string, Buffer][] = [
    ['noise.mp3', randomBytes(100_000)],
    ['empty.wav', Buffer.alloc(0)],
    ['letter.wav', Buffer.from('Dear transcriber, this is a letter.\n'.repeat(100))],
  ];
  for (const [name, bytes] of broken) {
    const job = await finished(await upload(bytes, name));
    expect(job, name).toMatchObject({ status: 'failed', error: { code: 'invalid_audio' } });
    expect(job.error?.message.length, name).toBeGreaterThan(20);
  }
  const bytes = await readFile(samplePath('standup.wav'));
  expect(await finished(await upload(bytes, 'standup.wav'))).toMatchObject({ status: 'completed' });
  const [after] = await system.devices();
  expect(after?.pid).toBe(before?.pid);
  expect((await fetch(new URL('/health', url))).status).toBe(200);
});

/** @returns the job's id. */
async function upload(bytes: Buffer, name: string): Promise<string> {
  const body = new FormData();
  body.set('file', new Blob([new Uint8Array(bytes)]), name);
  const response = await fetch(new URL('/v1/transcriptions', url), { method: 'POST', body });
  expect(response.status, await response.clone().text()).toBe(202);
  return transcriptionSchema.parse(await response.json()).id;
}

async function finished(id: string): Promise<Transcription> {
  const deadline = performance.now() + DEADLINE_MS;
  while (performance.now() < deadline) {
    const response = await fetch(new URL(`/v1/transcriptions/${id}`, url));
    const job = transcriptionSchema.parse(await response.json());
    if (isFinished(job.status)) return job;
    await delay(POLL_MS);
  }
  throw new Error(`${id} did not finish within ${DEADLINE_MS} ms`);
}
