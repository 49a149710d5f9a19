/** The secret that signs webhooks: configured, or made once and kept in the data folder. */

import { randomBytes, randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

/** Standard Webhooks asks for 24 to 64 random bytes. */
const NEW_SECRET_BYTES = 32;

/** `whsec_` and the base64 of 24 to 64 bytes. */
export const webhookSecretSchema = z.string().refine((value) => {
  const base64 = value.startsWith('whsec_') ? value.slice('whsec_'.length) : '';
  const bytes = Buffer.from(base64, 'base64');
  return bytes.toString('base64') === base64 && bytes.length >= 24 && bytes.length <= 64;
}, 'must be whsec_ followed by the base64 of 24 to 64 bytes');

/**
 * Reads `webhook-secret` of the data folder; makes it, readable by its owner alone, where there is
 * none. Of several processes that start at once one makes it and all use it.
 */
export async function loadWebhookSecret(dataFolder: string): Promise<string> {
  const file = join(dataFolder, 'webhook-secret');
  try {
    return await read(file);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  await mkdir(dataFolder, { recursive: true });
  const temporary = `${file}.${randomUUID()}`;
  await writeFile(temporary, `whsec_${randomBytes(NEW_SECRET_BYTES).toString('base64')}\n`, {
    mode: 0o600,
    flag: 'wx',
  });
  try {
    await link(temporary, file); // unlike a rename it never replaces the one of another process
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    await rm(temporary);
  }
  return read(file);
}

async function read(file: string): Promise<string> {
  const parsed = webhookSecretSchema.safeParse((await readFile(file, 'utf8')).trim());
  if (!parsed.success) throw new Error(`${file} ${parsed.error.issues[0]?.message}`);
  return parsed.data;
}
