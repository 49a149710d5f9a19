/** Recordings decoded by a real ffmpeg straight into shared memory, whole, confined and cancelable. */

import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { ConfinedChild } from '../../packages/pipeline/src/audio/confined-child.ts';
import { audioToPcm, type PcmSource } from '../../packages/pipeline/src/audio-to-pcm.ts';
import { SAMPLES } from '../support/paths.ts';
import {
  decodeAtOnce,
  ffmpeg,
  isSame,
  readAll,
  sharedF32,
  temporaryFolder,
} from '../support/recordings.ts';

const NEVER = new AbortController().signal;
const OPTIONS = { maxDurationSeconds: 3600, signal: NEVER };
const folder = temporaryFolder();

afterEach(() => void vi.unstubAllEnvs());

describe('decodes', () => {
  const ODD_NAME = 'name: with "odd" % characters.mp3';
  beforeAll(() => encode('standup.wav', ODD_NAME, ['-ar', '44100']));

  test.each([
    join(SAMPLES, 'standup.wav'),
    join(SAMPLES, 'dictation.mp3'),
    join(SAMPLES, 'call.wav'),
    join(folder, ODD_NAME),
  ])('%s in odd pieces as in one', async (path) => {
    const expected = await decodeAtOnce(path);
    await using source = await audioToPcm(path, OPTIONS);
    const pieces = await readAll(source, [1, 7, 16_001, 2, 480_000, 33_333]);
    expect(isSame(pieces, expected)).toBe(true);
    expect(source.samplesRead).toBe(expected.length);
    expect(source.durationSeconds).toBeCloseTo(source.declaredDurationSeconds ?? 0, 0);
    expect(source.warnings).toEqual([]);
    expect(await source.read(sharedF32(10), NEVER)).toBe(0);
  });

  test('a 16-bit recording at 16 kHz without changing a sample', async () => {
    const wav = await readFile(join(SAMPLES, 'standup.wav'));
    const words = new Int16Array(
      wav.buffer.slice(wav.byteOffset + 44, wav.byteOffset + wav.length),
    );
    await using source = await audioToPcm(join(SAMPLES, 'standup.wav'), OPTIONS);
    const pcm = await readAll(source, [480_000]);
    expect(pcm.length).toBe(words.length);
    expect(pcm.every((sample, i) => sample * 32_768 === words[i])).toBe(true);
  });
});

test('touches nothing but what it was given to fill', async () => {
  await using source = await audioToPcm(join(SAMPLES, 'call.wav'), OPTIONS);
  const whole = sharedF32(3000).fill(-7);
  expect(await source.read(whole.subarray(1000, 2000), NEVER)).toBe(1000);
  expect(await source.read(sharedF32(480_000), NEVER)).toBe(480_000);
  expect(whole.subarray(0, 1000).every((sample) => sample === -7)).toBe(true);
  expect(whole.subarray(2000).every((sample) => sample === -7)).toBe(true);
  expect(whole.subarray(1000, 2000).every((sample) => Math.abs(sample) <= 1)).toBe(true);
});

test('fills the range that it was asked for, again and again', async () => {
  const path = join(SAMPLES, 'standup.wav');
  const expected = await decodeAtOnce(path);
  await using source = await audioToPcm(path, OPTIONS);
  const slot = sharedF32(3000);
  for (let at = 0; at < 30_000; at += 1000) {
    slot.fill(-7);
    expect(await source.read(slot, NEVER, 1500, 2500)).toBe(1000);
    expect(isSame(slot.slice(1500, 2500), expected.slice(at, at + 1000))).toBe(true);
    expect(slot.subarray(0, 1500).every((sample) => sample === -7)).toBe(true);
    expect(slot.subarray(2500).every((sample) => sample === -7)).toBe(true);
  }
  expect(await source.read(slot, NEVER, 3000)).toBe(0);
  expect(await source.read(slot, NEVER, 10, 10)).toBe(0);
});

test('lets the decoder wait while nobody reads, and loses nothing', async () => {
  const path = join(SAMPLES, 'call.wav');
  const expected = await decodeAtOnce(path);
  await using source = await audioToPcm(path, OPTIONS);
  const first = sharedF32(160_000);
  await source.read(first, NEVER);
  const pid = await childOf(source);
  // The pipe is full when the decoder sleeps and its CPU time no longer grows.
  let seen = '';
  await until(async () => {
    const before = seen;
    seen = await stateAndCpuTicks(pid);
    return seen.startsWith('S') && seen === before;
  });
  expect(source.samplesRead).toBe(first.length);
  const rest = await readAll(source, [480_000]);
  expect(isSame(first, expected.slice(0, first.length))).toBe(true);
  expect(isSame(rest, expected.slice(first.length))).toBe(true);
});

describe('refuses', () => {
  const refused = (message: RegExp) =>
    expect.objectContaining({ code: 'invalid_audio', message: expect.stringMatching(message) });

  test.each([
    [
      'random.mp3',
      () => randomBytes(300_000),
      /not a recording in a format that can be read: wav, mp3/,
    ],
    ['random', () => randomBytes(5_000_000), /not a recording in a format/],
    ['empty.wav', () => Buffer.alloc(0), /empty: 0 bytes/],
    ['text.wav', () => Buffer.from('This is no sound at all.\n'.repeat(200)), /not a recording/],
    [
      'list.m3u8',
      () => Buffer.from(`#EXTM3U\n#EXTINF:9,\n${SAMPLES}/call.wav\n`),
      /not a recording/,
    ],
    [
      'concat.txt',
      () => Buffer.from(`ffconcat version 1.0\nfile ${SAMPLES}/call.wav\n`),
      /not a rec/,
    ],
  ])('%s', async (name, content, message) => {
    const path = join(folder, name);
    await writeFile(path, content());
    await expect(audioToPcm(path, OPTIONS)).rejects.toThrow(refused(message));
  });

  test('a directory', async () => {
    const path = join(folder, 'directory.wav');
    await mkdir(path);
    await expect(audioToPcm(path, OPTIONS)).rejects.toThrow(refused(/not a file/));
  });

  test('a file that is not there', async () => {
    const missing = audioToPcm(join(folder, 'missing.wav'), OPTIONS);
    await expect(missing).rejects.toThrow(expect.objectContaining({ code: 'not_found' }));
  });

  test('a film without sound', async () => {
    const path = join(folder, 'silent.mp4');
    await ffmpeg('-f', 'lavfi', '-i', 'color=black:s=64x64:d=1', '-c:v', 'mpeg4', path);
    await expect(audioToPcm(path, OPTIONS)).rejects.toThrow(refused(/no audio stream/));
  });

  test('a header without a single sample', async () => {
    const path = join(folder, 'header.wav');
    await writeFile(path, (await readFile(join(SAMPLES, 'standup.wav'))).subarray(0, 44));
    const open = async (): Promise<void> => {
      await using source = await audioToPcm(path, OPTIONS);
      await source.read(sharedF32(100), NEVER);
    };
    await expect(open()).rejects.toThrow(refused(/cannot be decoded|not a recording/));
  });

  test('more than the allowed length, declared or not', async () => {
    const tooLong = expect.objectContaining({ code: 'audio_too_long' });
    const short = { maxDurationSeconds: 10, signal: NEVER };
    await expect(audioToPcm(join(SAMPLES, 'standup.wav'), short)).rejects.toThrow(tooLong);
    // A file without a header of its length: found out while it is decoded.
    await encode('standup.wav', 'bare.aac', ['-f', 'adts']);
    await using source = await audioToPcm(join(folder, 'bare.aac'), short);
    await expect(readAll(source, [32_000])).rejects.toThrow(tooLong);
  });
});

test('does not take a guessed length for a declared one', async () => {
  const path = join(folder, 'vbr.mp3');
  // Loud noise, then silence: the first frames make the guess far too short or long.
  await ffmpeg(
    ...['-f', 'lavfi', '-i', 'anoisesrc=d=5:r=44100', '-f', 'lavfi', '-i', 'anullsrc=r=44100'],
    ...['-filter_complex', '[0][1]concat=n=2:v=0:a=1', '-t', '40', '-q:a', '2', '-write_xing', '0'],
    path,
  );
  await using source = await audioToPcm(path, OPTIONS);
  const pcm = await readAll(source, [480_000]);
  const seconds = pcm.length / 16_000;
  expect(Math.abs(seconds - 40)).toBeLessThan(0.2);
  expect(Math.abs((source.declaredDurationSeconds ?? 0) - seconds)).toBeGreaterThan(1);
  expect(source.warnings).toEqual([]);
});

describe('leaves no child behind', () => {
  test('when it is aborted in the middle of a read', async () => {
    const abort = new AbortController();
    const reason = new Error('stop');
    let pid = 0;
    {
      await using source = await audioToPcm(join(SAMPLES, 'call.wav'), OPTIONS);
      pid = await childOf(source);
      const out = sharedF32(2_000_000);
      const reading = source.read(out, abort.signal);
      await until(() => out[20_000] !== 0 || out[20_001] !== 0);
      abort.abort(reason);
      await expect(reading).rejects.toBe(reason);
      const copy = out.slice();
      await expect(source.read(sharedF32(10), NEVER)).rejects.toBe(reason);
      await until(() => !isRunning(pid));
      expect(out.every((sample, i) => sample === copy[i])).toBe(true);
    }
    expect(isRunning(pid)).toBe(false);
  });

  test('when it is disposed half-read', async () => {
    const source = await audioToPcm(join(SAMPLES, 'call.wav'), OPTIONS);
    const pid = await childOf(source);
    await source.read(sharedF32(1000), NEVER);
    expect(isRunning(pid)).toBe(true);
    await source[Symbol.asyncDispose]();
    expect(isRunning(pid)).toBe(false);
  });

  test('when it is aborted before and while it opens', async () => {
    const reason = new Error('stop');
    const path = join(SAMPLES, 'call.wav');
    const before = await childrenOfThisProcess();
    await expect(
      audioToPcm(path, { maxDurationSeconds: 3600, signal: AbortSignal.abort(reason) }),
    ).rejects.toBe(reason);
    const abort = new AbortController();
    const opening = audioToPcm(path, { maxDurationSeconds: 3600, signal: abort.signal });
    await until(async () => (await childrenOfThisProcess()).length > before.length);
    abort.abort(reason);
    await expect(opening).rejects.toBe(reason);
    expect(await childrenOfThisProcess()).toEqual(before);
  });
});

describe('a program that the system kills', () => {
  test.each([
    ['ffprobe', 'kill -9 $$', 'ffprobe was killed by the system.'],
    ['ffmpeg', 'kill -9 $$', 'The decoder was killed by the system.'],
    ['ffmpeg', 'head -c 400000 /dev/zero; kill -9 $$', 'The decoder was killed by the system.'],
  ])('%s: is no fault of the recording', async (name, script, message) => {
    const programs = await mkdtemp(join(folder, 'programs-'));
    await writeFile(join(programs, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    vi.stubEnv('PATH', `${programs}:${process.env.PATH}`);
    const decode = async () => {
      await using source = await audioToPcm(join(SAMPLES, 'standup.wav'), OPTIONS);
      await source.read(sharedF32(480_000), NEVER);
    };
    await expect(decode()).rejects.toMatchObject({ code: 'internal_error', message });
  });
});

describe('a wav that is odd, but whole', () => {
  test('with a wrong byte rate is as long as it is', async () => {
    const wav = await readFile(join(SAMPLES, 'standup.wav'));
    wav.writeUInt32LE(1, 28);
    const path = join(folder, 'byte-rate.wav');
    await writeFile(path, wav);
    await using source = await audioToPcm(path, OPTIONS);
    expect(source.declaredDurationSeconds).toBeCloseTo(11.27, 1);
  });

  test('with samples that are no sound hears silence there, and says so', async () => {
    const path = join(folder, 'float.wav');
    await encode('standup.wav', 'float.wav', ['-c:a', 'pcm_f32le']);
    const wav = await readFile(path);
    const data = wav.indexOf('data') + 8;
    for (const [i, value] of [Number.NaN, Number.POSITIVE_INFINITY, -1e30].entries()) {
      wav.writeFloatLE(value, data + 4 * (1000 + i));
    }
    await writeFile(path, wav);
    await using source = await audioToPcm(path, OPTIONS);
    const pcm = sharedF32(480_000);
    await source.read(pcm, NEVER);
    expect(pcm.every((sample) => Math.abs(sample) <= 1)).toBe(true);
    expect(source.warnings).toEqual([
      { code: 'damaged_samples', message: '3 samples are damaged and were taken as silence.' },
    ]);
  });
});

test('says that ffmpeg is missing, and does not blame the recording', async () => {
  const path = process.env.PATH;
  process.env.PATH = folder;
  try {
    await expect(audioToPcm(join(SAMPLES, 'call.wav'), OPTIONS)).rejects.toThrow(
      expect.objectContaining({ code: 'unavailable', message: expect.stringMatching(/ffprobe/) }),
    );
  } finally {
    process.env.PATH = path;
  }
});

test.skipIf(!existsSync('/usr/bin/prlimit'))('confines the decoder', async () => {
  await using source = await audioToPcm(join(SAMPLES, 'call.wav'), OPTIONS);
  const pid = await childOf(source);
  // The limits stand once the child has become ffmpeg.
  await until(async () => (await readFile(`/proc/${pid}/comm`, 'utf8')) === 'ffmpeg\n');
  const limits = await readFile(`/proc/${pid}/limits`, 'utf8');
  expect(limits).toMatch(/Max file size\s+0\s+0/);
  expect(limits).toMatch(/Max core file size\s+0\s+0/);
  expect(limits).toMatch(/Max address space\s+1073741824\s+1073741824/);
  expect(limits).toMatch(/Max open files\s+64\s+64/);
  expect(limits).toMatch(/Max cpu time\s+160\s+165/);
  expect(await readFile(`/proc/${pid}/environ`, 'utf8')).toBe(
    `PATH=${process.env.PATH}\0LC_ALL=C\0`,
  );

  const target = join(folder, 'forbidden.wav');
  const args = ['-v', 'error', '-f', 'lavfi', '-i', 'anullsrc=d=1', target];
  await using writer = await ConfinedChild.spawn('ffmpeg', args, { cpuSeconds: 9, stdout: 'pipe' });
  expect(await writer.exit).not.toMatchObject({ code: 0 });
});

async function encode(sample: string, name: string, args: readonly string[]): Promise<void> {
  await ffmpeg('-i', join(SAMPLES, sample), ...args, `file:${join(folder, name)}`);
}

function randomBytes(length: number): Buffer {
  // Seeded, so that what is refused today is refused tomorrow.
  let state = 12_345;
  return Buffer.from(
    Uint8Array.from({ length }, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return state >>> 24;
    }),
  );
}

/** The one child that a source has; no other runs meanwhile. */
async function childOf(_source: PcmSource): Promise<number> {
  const [pid, ...others] = await childrenOfThisProcess();
  expect(others).toEqual([]);
  return pid ?? 0;
}

async function childrenOfThisProcess(): Promise<number[]> {
  const tasks = `/proc/${process.pid}/task`;
  const lists = (await readdir(tasks)).map((task) =>
    readFile(`${tasks}/${task}/children`, 'utf8').catch(() => ''),
  );
  return (await Promise.all(lists)).join(' ').split(/\s+/).filter(Boolean).map(Number);
}

async function stateAndCpuTicks(pid: number): Promise<string> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ');
  return [fields[0], fields[11], fields[12]].join(' ');
}

/** A zombie counts as running: it has not been waited for. */
function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  await vi.waitUntil(condition, { timeout: 10_000, interval: 5 });
}
