/** Recordings that were cut off, damaged, joined or paused: nothing is lost in silence, nothing moves. */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { FIXTURES } from '../support/paths.ts';
import {
  bestLag,
  correlation,
  type Decoded,
  decode,
  decodeAtOnce,
  ffmpeg,
  temporaryFolder,
} from '../support/recordings.ts';

const folder = temporaryFolder();
const JFK = join(FIXTURES, 'goldens/jfk.wav');
const SECONDS = 11;
const RATE_HZ = 16_000;
/** In samples: as exact are the times in Matroska. */
const MILLISECOND = 16;
/** Behind the damage. */
const BEHIND = 9 * RATE_HZ;

const LOSSLESS_FILM = ['-f', 'lavfi', '-i', 'testsrc=s=64x64:r=25:d=20'];

/** What to make of the wav, and what is said of it when it ends in the middle. */
const CUT: readonly (readonly [name: string, args: readonly string[], said: string])[] = [
  ['a.wav', [], 'truncated_audio: .* declares 11.0 s, but only 5.5 s'],
  ['mu-law.wav', ['-c:a', 'pcm_mulaw'], 'truncated_audio: .* declares 11.0 s, but only 5.5 s'],
  ['a.aiff', [], 'truncated_audio: .* declares 11.0 s, but only 5.5 s'],
  ['a.au', [], 'truncated_audio: .* declares 11.0 s, but only 5.5 s'],
  ['a.caf', [], 'truncated_audio: .* declares 11.0 s, but only 5.5 s'],
  ['a.flac', [], 'truncated_audio: .* declares 11.0 s, but only'],
  ['a.mp3', [], 'truncated_audio: .* declares 11.1 s, but only'],
  ['a.opus', [], 'truncated_audio: .* no proper end'],
  ['a.ogg', ['-c:a', 'libvorbis'], 'truncated_audio: .* no proper end'],
  ['first.m4a', ['-c:a', 'aac', '-movflags', '+faststart'], 'truncated_audio: .* declares 11.0 s'],
  ['last.m4a', ['-c:a', 'aac'], 'invalid_audio: .*moov atom not found'],
  ['a.mov', ['-c:a', 'pcm_s16le'], 'invalid_audio: .*moov atom not found'],
  ['a.wma', ['-c:a', 'wmav2'], 'truncated_audio: .* declares 11.0 s, but only'],
  ['a.webm', ['-c:a', 'libopus'], 'truncated_audio: .* declares 11.0 s, but only'],
  ['live.webm', ['-c:a', 'libopus', '-live', '1'], 'damaged_audio: .*ended prematurely'],
  ['a.mkv', ['-c:a', 'flac'], 'truncated_audio: .* declares 11.0 s, but only'],
  ['a.flv', ['-ar', '44100', '-c:a', 'aac'], 'truncated_audio: .* declares 11.0 s, but only'],
  ['a.aac', ['-c:a', 'aac'], 'damaged_audio: .*could not be decoded'],
];

test.each(CUT)('%s that ends in the middle', async (name, args, said) => {
  const bytes = await encode(name, args);
  const path = await write(`half ${name}`, bytes.subarray(0, bytes.length >> 1));
  expect(await saidOf(path)).toMatch(new RegExp(said));
});

test('jfk.amr that ends in the middle of a block', async () => {
  const bytes = await readFile(join(FIXTURES, 'audio/jfk.amr'));
  const path = await write('half.amr', bytes.subarray(0, (bytes.length >> 1) + 3));
  expect(await saidOf(path)).toMatch(/damaged_audio/);
});

test('an m4a says what is wrong with it without saying where it lies', async () => {
  const bytes = await encode('path.m4a', ['-c:a', 'aac']);
  const path = await write('path half.m4a', bytes.subarray(0, bytes.length >> 1));
  expect(await saidOf(path)).not.toContain(folder);
});

describe('zeros in the middle', () => {
  let original: Float32Array;
  beforeAll(async () => {
    original = await decodeAtOnce(JFK);
  });

  test.each([
    ['a.flac', [], 0],
    ['44.1 kHz.flac', ['-ar', '44100'], 0],
    ['a.opus', [], 0],
    ['a.ogg', ['-c:a', 'libvorbis', '-q:a', '8'], 0],
    ['a.m4a', ['-c:a', 'aac', '-b:a', '96k'], 0],
    ['44.1 kHz.m4a', ['-c:a', 'aac', '-b:a', '128k', '-ar', '44100'], 0],
    ['a.webm', ['-c:a', 'libopus', '-cluster_time_limit', '500'], MILLISECOND],
    ['a.mkv', ['-c:a', 'flac', '-cluster_time_limit', '500'], MILLISECOND],
  ] as const)('%s: silence takes their place', async (name, args, maxLag) => {
    const path = await zeroed(name, await encode(name, args));
    const { pcm, warnings } = await decode(path);
    expect(warnings.map(({ code }) => code)).toEqual(['damaged_audio', 'missing_audio']);
    expect(Math.abs(pcm.length / RATE_HZ - SECONDS)).toBeLessThan(0.1);
    const lag = bestLag(pcm, original, BEHIND);
    expect(Math.abs(lag)).toBeLessThanOrEqual(maxLag);
    expect(correlation(pcm.subarray(BEHIND + lag), original.subarray(BEHIND))).toBeGreaterThan(
      0.98,
    );
  });

  test('a.mp3: is shorter, and says so', async () => {
    const path = await zeroed('a.mp3', await encode('a.mp3', ['-b:a', '64k']));
    expect(await saidOf(path)).toMatch(/truncated_audio: .* declares 11.1 s, but only .*Header/);
  });

  test('a.wav: they are silence', async () => {
    const path = await zeroed('a.wav', await encode('a.wav', []));
    const { pcm, warnings } = await decode(path);
    expect(warnings).toEqual([]);
    expect(pcm.length).toBe(original.length);
    expect(bestLag(pcm, original, BEHIND)).toBe(0);
  });
});

describe('times within a file', () => {
  test.each(['webm', 'mkv'])('a pause in a %s is kept as silence', async (extension) => {
    await encode('whole.webm', ['-c:a', 'libopus', '-b:a', '96k']);
    const whole = join(folder, 'whole.webm');
    const path = join(folder, `paused.${extension}`);
    const pause = "noise=amount=0:drop='gt(pts*tb,3)*lt(pts*tb,5)'";
    await ffmpeg('-i', whole, '-c', 'copy', '-bsf:a', pause, path);
    const { pcm, warnings } = await decode(path);
    const expected = await decodeAtOnce(whole);
    expect(Math.abs(pcm.length - expected.length)).toBeLessThanOrEqual(MILLISECOND);
    const lag = bestLag(pcm, expected, BEHIND);
    expect(Math.abs(lag)).toBeLessThanOrEqual(MILLISECOND);
    const behind = pcm.subarray(BEHIND + lag);
    expect(correlation(behind, expected.subarray(BEHIND))).toBeGreaterThan(0.9999);
    expect(energy(pcm.subarray(3.2 * RATE_HZ, 4.8 * RATE_HZ))).toBe(0);
    expect(warnings).toEqual([
      { code: 'missing_audio', message: expect.stringMatching(/^2\.0 s of sound are missing/) },
    ]);
  });

  test.each(['webm', 'mp4'])('sound that begins after the picture of a %s', async (extension) => {
    const path = join(folder, `late.${extension}`);
    const codecs = extension === 'webm' ? ['libvpx', 'libopus'] : ['mpeg4', 'alac'];
    const [video = '', audio = ''] = codecs;
    const late = ['-itsoffset', '1.25', '-i', JFK, '-map', '0:v', '-map', '1:a'];
    await ffmpeg(...LOSSLESS_FILM, ...late, '-c:v', video, '-c:a', audio, '-shortest', path);
    const { pcm, warnings, declaredSeconds } = await decode(path);
    const original = await decodeAtOnce(JFK);
    const begin = 1.25 * RATE_HZ;
    expect(energy(pcm.subarray(0, begin - 200))).toBe(0);
    const lag = bestLag(pcm.subarray(begin), original);
    expect(Math.abs(lag)).toBeLessThanOrEqual(extension === 'webm' ? MILLISECOND : 0);
    expect(declaredSeconds).toBeCloseTo(SECONDS + 1.25, 0);
    expect(warnings).toEqual([]);
  });

  test.each([
    ['a.flac', []],
    ['live.webm', ['-c:a', 'libopus', '-live', '1']],
    ['a.ts', ['-c:a', 'aac']],
    ['a.mp3', []],
  ] as const)('two of %s joined are as long as both', async (name, args) => {
    const bytes = await encode(`once ${name}`, args);
    const path = await write(`twice ${name}`, Buffer.concat([bytes, bytes]));
    const once = await decodeAtOnce(join(folder, `once ${name}`));
    const { pcm } = await decode(path);
    expect(Math.abs(pcm.length - 2 * once.length) / RATE_HZ).toBeLessThan(0.2);
    const second = pcm.subarray(pcm.length - once.length);
    expect(Math.abs(bestLag(second, once))).toBeLessThan(0.1 * RATE_HZ);
  });
});

test('further tracks are told', async () => {
  const path = join(folder, 'two.mkv');
  await ffmpeg('-i', JFK, '-i', JFK, '-map', '0:a', '-map', '1:a', '-c:a', 'flac', path);
  const { warnings } = await decode(path);
  expect(warnings).toEqual([
    { code: 'further_tracks', message: expect.stringContaining('2 audio tracks') },
  ]);
});

test('a file of too many bytes is refused before it is opened', async () => {
  const tooLarge = decode(JFK, { maxBytes: 352_043 });
  await expect(tooLarge).rejects.toMatchObject({ code: 'file_too_large' });
  expect((await decode(JFK, { maxBytes: 352_044 })).pcm.length).toBe(SECONDS * RATE_HZ);
});

async function encode(name: string, args: readonly string[]): Promise<Buffer> {
  const path = join(folder, name);
  await ffmpeg('-i', JFK, ...args, `file:${path}`);
  return readFile(path);
}

async function write(name: string, bytes: Buffer): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

/** A tenth of the file, from its middle on. */
function zeroed(name: string, bytes: Buffer): Promise<string> {
  const middle = bytes.length >> 1;
  const damaged = Buffer.from(bytes).fill(0, middle, middle + Math.floor(bytes.length / 10));
  return write(`zeros in ${name}`, damaged);
}

/** The first warning or the error, with its code. */
async function saidOf(path: string): Promise<string> {
  const told: Pick<Decoded, 'warnings'> = await decode(path).catch((error) => ({
    warnings: [{ code: error.code, message: error.message }],
  }));
  return told.warnings.map(({ code, message }) => `${code}: ${message}`)[0] ?? 'nothing';
}

function energy(pcm: Float32Array): number {
  return pcm.reduce((sum, sample) => sum + sample * sample, 0);
}
