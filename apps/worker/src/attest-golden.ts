/** The golden hidden states of a model: made once in a process of their own, then kept. */

import { type ChildProcess, fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Logger } from '@amanuensis/log';
import { type FileLock, GOLDEN_MEL_VERSION, InferenceError, lockFile } from '@amanuensis/pipeline';

const ENTRY = fileURLToPath(new URL('./attest-golden-process.js', import.meta.url));
const SUM_BYTES = 32;

export interface GoldenOptions {
  readonly modelFolder: string;
  /** SHA-256 over all files of the model. */
  readonly fingerprint: string;
  readonly cacheFolder: string;
  /** CPU threads that making it may use. */
  readonly threads: number;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/**
 * [1500, dModel] f32 of `goldenMel`, by the packaged ONNX Runtime on the CPU; the device's own
 * library and process have no part in it.
 *
 * @throws Error where it cannot be made; the signal's reason.
 */
export async function goldenOf(options: GoldenOptions): Promise<Float32Array> {
  const { cacheFolder, fingerprint, signal, log } = options;
  const folder = join(cacheFolder, 'golden');
  const file = join(folder, `${fingerprint}-v${GOLDEN_MEL_VERSION}.f32`);
  const kept = await readGolden(file);
  if (kept !== null) return kept;
  await mkdir(folder, { recursive: true });
  using _lock = await lock(`${file}.lock`, signal);
  const made = await readGolden(file);
  if (made !== null) return made;
  const startedAt = performance.now();
  await makeGolden(file, options);
  const golden = await readGolden(file);
  if (golden === null) throw new Error(`${file} is not what was written`);
  log.info({ file, ms: Math.round(performance.now() - startedAt) }, 'golden result is made');
  return golden;
}

/** The values behind their SHA-256, since a golden of which a part is lost would refuse any device. */
export async function writeGolden(file: string, values: Float32Array): Promise<void> {
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  const part = `${file}.${process.pid}.part`;
  await writeFile(part, Buffer.concat([createHash('sha256').update(bytes).digest(), bytes]));
  await rename(part, file);
}

/** Null where there is none, or a damaged one. */
async function readGolden(file: string): Promise<Float32Array | null> {
  let content: Buffer;
  try {
    content = await readFile(file);
  } catch {
    return null;
  }
  const bytes = Uint8Array.prototype.slice.call(content, SUM_BYTES);
  const sum = createHash('sha256').update(bytes).digest();
  if (!sum.equals(content.subarray(0, SUM_BYTES))) return null;
  return new Float32Array(bytes.buffer);
}

/** Where there are no locks between processes, each makes its own. */
async function lock(file: string, signal: AbortSignal): Promise<FileLock | null> {
  try {
    return await lockFile(file, { signal });
  } catch (error) {
    if (error instanceof InferenceError && error.code === 'unavailable') return null;
    throw error;
  }
}

async function makeGolden(
  file: string,
  { modelFolder, threads, signal }: GoldenOptions,
): Promise<void> {
  signal.throwIfAborted();
  const child = fork(ENTRY, [modelFolder, file, String(threads)], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const kill = () => child.kill('SIGKILL');
  signal.addEventListener('abort', kill);
  try {
    const [words, [code, end]] = await Promise.all([lastWords(child), once(child, 'close')]);
    signal.throwIfAborted();
    if (code !== 0) throw new Error(`no golden result of ${modelFolder}: ${words || end || code}`);
  } finally {
    signal.removeEventListener('abort', kill);
  }
}

async function lastWords({ stderr }: ChildProcess): Promise<string> {
  let words = '';
  for await (const chunk of stderr ?? []) words = `${words}${chunk}`.slice(-1000);
  return words.trim();
}
