/**
 * What is made of a model once and then read by every process that loads it: graphs, and weights in
 * another precision.
 *
 * ```
 * <cache folder>/graphs-v1/               of one version of the code that writes them
 *   1f0c…/                                an entry: its name is the hash of model and options
 *     encoder.onnx  …  model.safetensors
 *     SHA256SUMS                          of all of them, so that damage is found
 *   .1f0c….4711.a93b/                     an entry that is being written
 * ```
 * An entry appears by a rename, whole. Processes that make the same one at the same time do the
 * work twice and keep one of them; none waits for another. The folder may be removed at any time.
 */

import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { messageOf } from '../inference/inference-errors.ts';
import { recordChecksums, verifyChecksums } from './checksums.ts';
import { ModelError } from './model-error.ts';

const VERSION_FOLDER = /^graphs-v\d+$/;
/** What a process that died has left; writing the weights of the largest model takes a minute. */
const ABANDONED_MS = 60 * 60 * 1000;
/** Processes that find the same damage replace it one after the other. */
const MAX_ATTEMPTS = 5;

export interface CacheKey {
  /** Of the code that fills an entry: entries of other versions are removed. */
  readonly version: number;
  /** All that the content depends on. */
  readonly parts: readonly string[];
}

/**
 * Answers the folder of an entry, which `fill` makes where it is not there or is damaged.
 *
 * @param fill writes the entry's files into an empty folder.
 * @throws ModelError `cache_failed` when the cache cannot be written; what `fill` throws.
 */
export async function openCacheEntry(
  cacheFolder: string,
  { version, parts }: CacheKey,
  fill: (folder: string) => Promise<void>,
): Promise<string> {
  const name = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
  const entry = join(cacheFolder, `graphs-v${version}`, name);
  if (await isWhole(entry)) return entry;
  const temporary = join(dirname(entry), temporaryName(name));
  try {
    await mkdir(temporary, { recursive: true });
    await removeLeftovers(temporary);
    await fill(temporary);
    await recordAll(temporary);
    await putInPlace(temporary, entry);
  } catch (cause) {
    throw cause instanceof ModelError ? cause : cacheFailed(entry, cause);
  } finally {
    await remove(temporary);
  }
  return entry;
}

/** Whether its files can be read and are those that were written. */
async function isWhole(entry: string): Promise<boolean> {
  try {
    return (await verifyChecksums(entry)).outcome === 'verified';
  } catch {
    return false;
  }
}

async function recordAll(folder: string): Promise<void> {
  if (await recordChecksums(folder, await verifyChecksums(folder))) return;
  throw new Error(`${folder} cannot be written to`);
}

async function putInPlace(temporary: string, entry: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await rename(temporary, entry);
      return;
    } catch (error) {
      // Another process was faster, or what is there is damaged.
      if (await isWhole(entry)) return;
      if (attempt === MAX_ATTEMPTS) throw error;
      await moveAway(entry);
    }
  }
}

/** Out of the way by a rename, since removing takes longer than the next process may take to look. */
async function moveAway(entry: string): Promise<void> {
  const away = join(dirname(entry), temporaryName('damaged'));
  await rename(entry, away).catch(() => undefined);
  await remove(away);
}

/** Entries of other versions, and what processes that died had begun long before `temporary`. */
async function removeLeftovers(temporary: string): Promise<void> {
  const versionFolder = dirname(temporary);
  const cacheFolder = dirname(versionFolder);
  for (const name of await readdir(cacheFolder)) {
    const folder = join(cacheFolder, name);
    if (VERSION_FOLDER.test(name) && folder !== versionFolder) await remove(folder);
  }
  const { mtimeMs: nowMs } = await stat(temporary);
  for (const name of await readdir(versionFolder)) {
    const folder = join(versionFolder, name);
    if (name.startsWith('.') && nowMs - (await changedAtMs(folder)) > ABANDONED_MS) {
      await remove(folder);
    }
  }
}

/** Never, where it is gone by now. */
function changedAtMs(folder: string): Promise<number> {
  return stat(folder).then(
    ({ mtimeMs }) => mtimeMs,
    () => Infinity,
  );
}

/** Files that another process has mapped stay where the system does not let them go. */
async function remove(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true }).catch(() => undefined);
}

function temporaryName(name: string): string {
  return `.${name}.${process.pid}.${randomBytes(4).toString('hex')}`;
}

function cacheFailed(entry: string, cause: unknown): ModelError {
  return new ModelError('cache_failed', `${entry} cannot be made: ${messageOf(cause)}`, { cause });
}
