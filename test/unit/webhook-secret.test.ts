/** The webhook secret: made once, kept to its owner, refused when malformed. */

import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadWebhookSecret, webhookSecretSchema } from '../../apps/api/src/webhooks/secret.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'amanuensis-secret-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('processes that start at once agree on one secret, which stays', async () => {
  const data = join(folder, 'data');
  const secrets = await Promise.all(Array.from({ length: 8 }, () => loadWebhookSecret(data)));
  expect(new Set(secrets).size).toBe(1);
  expect(await loadWebhookSecret(data)).toBe(secrets[0]);
  expect(await readdir(data)).toEqual(['webhook-secret']);
  expect((await stat(join(data, 'webhook-secret'))).mode & 0o777).toBe(0o600);
  expect(webhookSecretSchema.safeParse(secrets[0]).success).toBe(true);
  expect(() => new Webhook(secrets[0] ?? '')).not.toThrow();
});

test('another folder gets another secret', async () => {
  const [a, b] = [
    await loadWebhookSecret(join(folder, 'a')),
    await loadWebhookSecret(join(folder, 'b')),
  ];
  expect(a).not.toBe(b);
});

test.each([
  '',
  'whsec_',
  'whsec_abc',
  `whsec_${Buffer.alloc(23).toString('base64')}`,
  Buffer.alloc(32).toString('base64'),
  `whsec_${Buffer.alloc(65).toString('base64')}`,
])('refuses %j, and does not print it', async (secret) => {
  expect(webhookSecretSchema.safeParse(secret).success).toBe(false);
  await writeFile(join(folder, 'webhook-secret'), secret);
  await expect(loadWebhookSecret(folder)).rejects.toThrow(/webhook-secret must be whsec_ followed/);
});
