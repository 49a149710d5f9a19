/** Real speech in every format that users send: the same sound, at the same time, to the sample. */

import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FIXTURES, hasShared, SHARED } from '../support/paths.ts';
import {
  bestLag,
  correlation,
  decode,
  decodeAtOnce,
  ffmpeg,
  isSame,
  temporaryFolder,
} from '../support/recordings.ts';

const folder = temporaryFolder();
const JFK = join(FIXTURES, 'goldens/jfk.wav');
/** Reads of odd sizes, in which nothing may get lost. */
const PIECES = [1, 7, 16_001, 2, 480_000, 33_333];
/** Without loss in the encoder's resampler, which is not what is tested. */
const at = (rateHz: number): string[] => [
  ...['-af', 'aresample=resampler=soxr:precision=28', '-ar', String(rateHz)],
];

interface Format {
  readonly args: readonly string[];
  readonly correlation?: number;
  /** Samples that its sound comes later; only where the file does not say so, as noted. */
  readonly lag?: number;
  /** Whether nothing in the file tells its length. */
  readonly isUnknownLength?: boolean;
}

const VIDEO = ['-f', 'lavfi', '-i', 'testsrc=s=64x64:r=25:d=20', '-map', '1:v', '-map', '0:a'];
const NARROW = { correlation: 0.98 };

const FORMATS: Readonly<Record<string, Format>> = {
  'pcm 44.1 kHz stereo.wav': { args: [...at(44_100), '-ac', '2'] },
  'pcm 48 kHz stereo 24 bits.wav': { args: [...at(48_000), '-ac', '2', '-c:a', 'pcm_s24le'] },
  'pcm 8 kHz.wav': { args: at(8000), ...NARROW },
  'float.wav': { args: ['-c:a', 'pcm_f32le'] },
  'double 96 kHz.wav': { args: [...at(96_000), '-c:a', 'pcm_f64le'] },
  'mu-law.wav': { args: [...at(8000), '-c:a', 'pcm_mulaw'], ...NARROW },
  'a-law.wav': { args: [...at(8000), '-c:a', 'pcm_alaw'], ...NARROW },
  'adpcm.wav': { args: ['-c:a', 'adpcm_ima_wav'], ...NARROW },
  'pcm.aiff': { args: at(44_100) },
  'mu-law.au': { args: [...at(8000), '-c:a', 'pcm_mulaw'], ...NARROW },
  'pcm.caf': { args: at(48_000) },
  'alac.caf': { args: ['-c:a', 'alac'] },
  '44.1 kHz.mp3': { args: [...at(44_100), '-b:a', '192k'] },
  '16 kHz.mp3': { args: ['-b:a', '64k'] },
  'variable rate stereo.mp3': { args: [...at(44_100), '-ac', '2', '-q:a', '2'] },
  // Encoder and decoder delay 1,105 samples at 44.1 kHz, which only a Xing header tells.
  'without a Xing header.mp3': {
    args: [...at(44_100), '-b:a', '192k', '-write_xing', '0'],
    lag: 401,
    isUnknownLength: true,
  },
  '16 kHz.flac': { args: [] },
  '48 kHz stereo 24 bits.flac': { args: [...at(48_000), '-ac', '2', '-sample_fmt', 's32'] },
  'mono.opus': { args: ['-b:a', '96k'] },
  'stereo.opus': { args: ['-ac', '2', '-b:a', '160k'] },
  'vorbis.ogg': { args: ['-c:a', 'libvorbis', '-q:a', '8'] },
  'vorbis 44.1 kHz stereo.ogg': {
    args: [...at(44_100), '-ac', '2', '-c:a', 'libvorbis', '-q:a', '8'],
  },
  'flac.ogg': { args: ['-c:a', 'flac'] },
  'aac.m4a': { args: [...at(44_100), '-c:a', 'aac', '-b:a', '192k'] },
  'aac, index first.m4a': { args: ['-c:a', 'aac', '-b:a', '96k', '-movflags', '+faststart'] },
  'alac.m4a': { args: [...at(48_000), '-c:a', 'alac'] },
  'aac.3gp': { args: ['-c:a', 'aac', '-b:a', '96k'] },
  // One block of 1,024 samples, of which nothing in ADTS tells.
  'adts.aac': { args: ['-c:a', 'aac', '-b:a', '96k'], lag: 1024, isUnknownLength: true },
  'opus.webm': { args: ['-c:a', 'libopus', '-b:a', '96k'] },
  'opus, live.webm': {
    args: ['-c:a', 'libopus', '-b:a', '96k', '-live', '1'],
    isUnknownLength: true,
  },
  'vorbis.webm': { args: ['-c:a', 'libvorbis', '-q:a', '8'] },
  // FFmpeg's decoder takes two blocks of 512 samples for delay, its encoder makes one.
  'wma2 16 kHz.wma': { args: ['-c:a', 'wmav2', '-b:a', '96k'], lag: -512 },
  'wma2 44.1 kHz.wma': { args: [...at(44_100), '-c:a', 'wmav2', '-b:a', '192k'], lag: -743 },
  'film.mp4': { args: [...VIDEO, '-c:v', 'mpeg4', '-c:a', 'aac', '-b:a', '96k', '-shortest'] },
  'film.mov': { args: [...VIDEO, '-c:v', 'mpeg4', '-c:a', 'pcm_s16le', '-shortest'] },
  'film.webm': {
    args: [...VIDEO, '-c:v', 'libvpx', '-deadline', 'realtime', '-c:a', 'libopus', '-b:a', '96k'],
  },
  'film.mkv': { args: [...VIDEO, '-c:v', 'mpeg4', '-c:a', 'flac', '-shortest'] },
};

test.each(Object.entries(FORMATS))('%s', async (name, format) => {
  const path = join(folder, name);
  await ffmpeg('-i', JFK, ...format.args, `file:${path}`);
  await checkSameSound(path, JFK, format);
});

// Debian's ffmpeg decodes AMR, but cannot encode it. Its codecs keep what is heard rather than the
// wave, and hold back 5 ms of it.
test.each([
  ['jfk.amr', 79, 0.93],
  ['jfk-wide.amr', 95, 0.98],
])('%s', async (name, lag, least) => {
  const path = join(FIXTURES, 'audio', name);
  await checkSameSound(path, JFK, { args: [], lag, correlation: least, isUnknownLength: true });
});

const SPEECH = ['libri-1089-134686-0000.wav', 'libri-3570-5694-0000.wav'];
const COMMON = [
  ...['44.1 kHz.mp3', '16 kHz.flac', 'mono.opus', 'aac.m4a', 'opus.webm', 'vorbis.ogg'],
  ...['mu-law.wav', 'film.mp4'],
];

describe.skipIf(!hasShared('speech'))('other voices (skipped without ../shared/speech)', () => {
  test.each(COMMON.map((name, i) => [SPEECH[i % SPEECH.length] ?? '', name] as const))(
    '%s as %s',
    async (speech, name) => {
      const format = FORMATS[name];
      if (format === undefined) throw new Error(`no format ${name}`);
      const wav = join(SHARED, 'speech', speech);
      const path = join(folder, `${speech} as ${name}`);
      await ffmpeg('-i', wav, ...format.args, `file:${path}`);
      await checkSameSound(path, wav, format);
    },
  );

  test.each([
    ['jfk.mp3', 11.0],
    ['librivox-sonnet1.mp3', 53.3],
    ['librivox-sonnet1.ogg', 9.0],
    ['mls-es-13697_11991_000000.opus', 14.9],
    ['libri-2412-153948-0000.flac', 11.7],
  ])('%s as it was published', async (name, seconds) => {
    const path = join(SHARED, 'speech', name);
    const { pcm, warnings } = await decode(path, {}, PIECES);
    expect(isSame(pcm, await decodeAtOnce(path))).toBe(true);
    expect(pcm.length / 16_000).toBeCloseTo(seconds, 0);
    expect(warnings).toEqual([]);
  });
});

async function checkSameSound(path: string, wav: string, format: Format): Promise<void> {
  const { correlation: least = 0.999, lag = 0, isUnknownLength = false } = format;
  const [decoded, atOnce, original] = await Promise.all([
    decode(path, {}, PIECES),
    decodeAtOnce(path),
    decodeAtOnce(wav),
  ]);
  const { pcm, warnings, declaredSeconds } = decoded;
  expect(isSame(pcm, atOnce)).toBe(true);
  expect(bestLag(pcm, original)).toBe(lag);
  expect(correlation(pcm, original, lag)).toBeGreaterThan(least);
  // An encoder fills its last block; ours is not the place to know how large that is.
  expect(Math.abs(pcm.length - original.length - lag) / 16_000).toBeLessThan(0.1);
  if (!isUnknownLength) expect(declaredSeconds).toBeCloseTo(pcm.length / 16_000, 0);
  expect(warnings).toEqual([]);
}
