/**
 * Verifies the files of a model folder against its `SHA256SUMS`.
 *
 * ONNX Runtime loads weights with flipped bits without a word. A folder without sums gets them once
 * it has been loaded, so that damage is found from then on.
 */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ModelError } from './model-error.ts';

const SUMS_FILE = 'SHA256SUMS';
/** What belongs to a model; other files of its folder (a README, a recipe) do not change it. */
const MODEL_FILE = /\.(json|onnx|safetensors|txt)$/;
const WEIGHTS_FILE = /\.(onnx|safetensors)$/;
const LINE = /^([0-9a-f]{64}) [ *](.+)$/;

export interface ChecksumReport {
  /** `verified`: the files are what `SHA256SUMS` says. `unrecorded`: the folder has none. */
  readonly outcome: 'verified' | 'unrecorded';
  /** SHA-256 in hex by file name. */
  readonly sums: ReadonlyMap<string, string>;
}

/**
 * @throws ModelError `checksum_mismatch` that names each file that differs, is missing, or holds
 *   weights that `SHA256SUMS` does not list.
 */
export async function verifyChecksums(folder: string): Promise<ChecksumReport> {
  const present = await modelFiles(folder);
  const expected = await readSums(folder);
  if (expected === null) {
    const sums = new Map<string, string>();
    for (const name of present) sums.set(name, await sha256(join(folder, name)));
    return { outcome: 'unrecorded', sums };
  }
  const faults = present
    .filter((name) => WEIGHTS_FILE.test(name) && !expected.has(name))
    .map((name) => `${join(folder, SUMS_FILE)} does not list ${name}`);
  for (const [name, sum] of expected) {
    if (!MODEL_FILE.test(name)) continue;
    const path = join(folder, name);
    if (!present.includes(name)) {
      faults.push(`${path} is listed but missing`);
    } else if ((await sha256(path)) !== sum) {
      faults.push(`${path} is not what ${SUMS_FILE} says; fetch the model again`);
    }
  }
  if (faults.length > 0) throw new ModelError('checksum_mismatch', faults.join('\n'));
  return { outcome: 'verified', sums: expected };
}

/** SHA-256 in hex over all files of a model: two models with the same one are the same. */
export function fingerprintOf({ sums }: Pick<ChecksumReport, 'sums'>): string {
  const hash = createHash('sha256');
  for (const [name, sum] of [...sums].toSorted()) hash.update(`${sum}  ${name}\n`);
  return hash.digest('hex');
}

/** Writes `SHA256SUMS`; false where the folder cannot be written to. */
export async function recordChecksums(
  folder: string,
  { sums }: Pick<ChecksumReport, 'sums'>,
): Promise<boolean> {
  const text = [...sums].map(([name, sum]) => `${sum}  ${name}\n`).join('');
  const temporary = join(folder, `.${SUMS_FILE}.${process.pid}`);
  try {
    await writeFile(temporary, text);
    await rename(temporary, join(folder, SUMS_FILE));
    return true;
  } catch {
    return false;
  }
}

/** Names of the files that make the model, in order. */
export async function modelFiles(folder: string): Promise<string[]> {
  return (await listFiles(folder)).filter((name) => MODEL_FILE.test(name)).toSorted();
}

/** Names of the model's files that `SHA256SUMS` lists; null where there is none. */
export async function recordedFiles(folder: string): Promise<string[] | null> {
  const sums = await readSums(folder);
  return sums && [...sums.keys()].filter((name) => MODEL_FILE.test(name));
}

async function listFiles(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    throw new ModelError('missing_file', `${folder} is no model folder`, { cause: error });
  }
}

/** The sums by file name; null where the folder has no such file. */
async function readSums(folder: string): Promise<Map<string, string> | null> {
  let text: string;
  try {
    text = await readFile(join(folder, SUMS_FILE), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new ModelError('invalid_file', `${SUMS_FILE} cannot be read`, { cause: error });
  }
  const sums = new Map<string, string>();
  for (const line of text.split('\n').filter((part) => part.trim() !== '')) {
    const [, sum, name] = LINE.exec(line) ?? [];
    if (sum === undefined || name === undefined || name !== basename(name)) {
      throw new ModelError('invalid_file', `${join(folder, SUMS_FILE)}: not a checksum: ${line}`);
    }
    sums.set(name, sum);
  }
  return sums;
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
    hash.update(chunk as Buffer);
  }
  return hash.digest('hex');
}
