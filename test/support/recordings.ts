/** Recordings for tests: encoded by a real ffmpeg, decoded at once or by the pipeline, compared. */

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll } from 'vitest';
import { audioToPcm, type PcmSource } from '../../packages/pipeline/src/audio-to-pcm.ts';

const run = promisify(execFile);
const NEVER = new AbortController().signal;
/** Hours are encoded in minutes. */
const DEADLINE_MS = 20 * 60_000;
const MAX_PCM_BYTES = 1 << 28;
const SAMPLE_RATE_HZ = 16_000;
const MAX_LAG = 1200;

/** A folder that is gone after all tests of the file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'amanuensis-audio-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export async function ffmpeg(...args: readonly string[]): Promise<void> {
  await run('ffmpeg', ['-v', 'error', '-nostdin', '-y', ...args], { timeout: DEADLINE_MS });
}

/** The whole recording by one plain run of ffmpeg, as 16 kHz mono f32. */
export async function decodeAtOnce(path: string, channel?: number): Promise<Float32Array> {
  const input = ['-threads', '1', '-i', `file:${path}`, '-map', '0:a:0', '-ac', '1'];
  const resampler = 'aresample=16000:resampler=soxr:precision=20';
  const filter = channel === undefined ? resampler : `pan=mono|c0=c${channel},${resampler}`;
  const { stdout } = await run(
    'ffmpeg',
    ['-v', 'error', '-nostdin', ...input, '-af', filter, '-f', 'f32le', 'pipe:1'],
    { encoding: 'buffer', maxBuffer: MAX_PCM_BYTES, timeout: DEADLINE_MS },
  );
  return new Float32Array(
    stdout.buffer.slice(stdout.byteOffset, stdout.byteOffset + stdout.length),
  );
}

export interface Decoded {
  readonly pcm: Float32Array;
  readonly declaredSeconds: number | null;
  readonly warnings: PcmSource['warnings'];
}

/** The whole recording as the pipeline decodes it. */
export async function decode(
  path: string,
  options: Partial<Parameters<typeof audioToPcm>[1]> = {},
  sizes: readonly number[] = [480_000],
): Promise<Decoded> {
  await using source = await audioToPcm(path, {
    maxDurationSeconds: 4 * 3600,
    signal: NEVER,
    ...options,
  });
  const pcm = await readAll(source, sizes);
  return { pcm, declaredSeconds: source.declaredDurationSeconds, warnings: source.warnings };
}

/** In pieces of these sizes, over and over. */
export async function readAll(source: PcmSource, sizes: readonly number[]): Promise<Float32Array> {
  const parts: Float32Array[] = [];
  for (let i = 0; ; i++) {
    const out = sharedF32(sizes[i % sizes.length] ?? 1);
    const nSamples = await source.read(out, NEVER);
    parts.push(out.subarray(0, nSamples));
    if (nSamples < out.length) break;
  }
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** In a shared WebAssembly.Memory's kind of buffer, and not at its begin. */
export function sharedF32(length: number): Float32Array {
  return new Float32Array(new SharedArrayBuffer(length * 4 + 64), 64, length);
}

/** Sample by sample the same bytes. */
export function isSame(a: Float32Array, b: Float32Array): boolean {
  const bytesOf = (view: Float32Array) =>
    Buffer.from(view.buffer, view.byteOffset, view.byteLength);
  return bytesOf(a).equals(bytesOf(b));
}

/** Correlation of `a`, `lag` samples on, with `b`, over what both have: 1 for the same sound. */
export function correlation(a: Float32Array, b: Float32Array, lag = 0): number {
  const from = Math.max(0, -lag);
  const to = Math.min(b.length, a.length - lag);
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = from; i < to; i++) {
    const x = a[i + lag] ?? 0;
    const y = b[i] ?? 0;
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return ab / Math.sqrt(aa * bb);
}

/** How many samples later than in `b` its sound comes in `a`, by half a second from `begin` on. */
export function bestLag(a: Float32Array, b: Float32Array, begin = SAMPLE_RATE_HZ): number {
  const part = b.subarray(begin, begin + SAMPLE_RATE_HZ / 2);
  let best = { lag: 0, value: -1 };
  for (let lag = -MAX_LAG; lag <= MAX_LAG; lag++) {
    const value = correlation(a.subarray(begin + lag, begin + lag + part.length), part);
    if (value > best.value) best = { lag, value };
  }
  return best.lag;
}

/** A recording with the same speech at the begin of each minute, to the sample. */
export interface Minutes {
  readonly path: string;
  readonly nMinutes: number;
  /** What the first minute is decoded to from the wav that all are made of. */
  readonly minute: Float32Array;
}

/** Repeats a minute at 44.1 kHz, in which no rate of ours fits a whole number of times. */
export async function encodeMinutes(
  speech: string,
  path: string,
  nMinutes: number,
  args: readonly string[],
): Promise<Minutes> {
  const wav = `${path}.minute.wav`;
  const pad = 'aresample=44100:resampler=soxr:precision=28,apad=whole_dur=60';
  await ffmpeg('-i', speech, '-af', pad, '-c:a', 'pcm_s16le', wav);
  await ffmpeg('-stream_loop', String(nMinutes - 1), '-i', wav, ...args, path);
  return { path, nMinutes, minute: await decodeAtOnce(wav) };
}

/** By how many samples the speech of each minute comes late; and how long all of it is, in samples. */
export async function lagsOf({ path, minute }: Minutes) {
  await using source = await audioToPcm(path, { maxDurationSeconds: 4 * 3600, signal: NEVER });
  const out = sharedF32(60 * SAMPLE_RATE_HZ);
  const lags: number[] = [];
  for (;;) {
    const nSamples = await source.read(out, NEVER);
    if (nSamples > 2 * SAMPLE_RATE_HZ) lags.push(bestLag(out, minute));
    if (nSamples < out.length) break;
  }
  return { lags, nSamples: source.samplesRead, warnings: source.warnings };
}
