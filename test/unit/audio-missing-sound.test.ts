/** What a decoder's log and a file's own length say of a recording, as users read it. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DecoderLog } from '../../packages/pipeline/src/audio/decoder-log.ts';
import { missingSound } from '../../packages/pipeline/src/audio/missing-sound.ts';
import type { Probe } from '../../packages/pipeline/src/audio/probe.ts';

const HEALTHY = [
  "Input #0, flac, from 'file:/data/a':",
  '[verbose] Reinit context to 640x480, pix_fmt: yuv420p',
  '[info]     title           : [error] of my ways',
  '[graph_0_in_0_0 @ 0x1] [verbose] tb:1/16000 samplefmt:s16 samplerate:16000 chlayout:0x4',
  '[warning] Guessed Channel Layout for Input Stream #0.0 : mono',
].join('\n');
const ERROR = '[mp3float @ 0x55d0] [error] Header missing';
const EMPTY_ERROR =
  '[error] Error while decoding stream #0:0: Invalid data found when processing input';
const SILENCE = (n: number): string =>
  `[Parsed_aresample_1 @ 0x1] [SWR @ 0x2] [verbose] adding ${n} audio samples of silence`;

const FOUND: Probe = {
  durationSeconds: 100,
  isEstimated: false,
  startSeconds: 0,
  isCutOff: false,
  nChannels: 1,
  hasLayout: true,
  sampleRateHz: 48_000,
  nTracks: 1,
};

function said(
  found: Partial<Probe>,
  lines: readonly string[],
  durationSeconds = 100,
  exit: { code: number | null; signal: NodeJS.Signals | null } = { code: 0, signal: null },
): string[] {
  const log = logOf(lines.map((line) => `${line}\n`).join(''));
  const decoding = { path: '/data/a', found: { ...FOUND, ...found }, log, exit, durationSeconds };
  return missingSound(decoding).map(({ code, message }) => `${code}: ${message}`);
}

function logOf(...pieces: readonly string[]): DecoderLog {
  const log = new DecoderLog();
  for (const piece of pieces) log.push(piece);
  return log;
}

test('a healthy recording has nothing to say', () => {
  expect(said({}, [HEALTHY])).toEqual([]);
  expect(said({}, [HEALTHY], 99.5)).toEqual([]);
  expect(said({ durationSeconds: null }, [HEALTHY])).toEqual([]);
  expect(said({ isEstimated: true }, [HEALTHY], 20)).toEqual([]);
});

test('shorter than declared', () => {
  expect(said({}, [], 99.3)).toEqual([
    'truncated_audio: The recording declares 100.0 s, but only 99.3 s of it could be decoded.',
  ]);
  expect(said({}, [ERROR, EMPTY_ERROR], 42)).toEqual([
    'truncated_audio: The recording declares 100.0 s, but only 42.0 s of it could be decoded (Header missing).',
  ]);
});

test('without the end that every file of its format has', () => {
  expect(said({ durationSeconds: null, isCutOff: true }, [])).toEqual([
    'truncated_audio: The recording has no proper end: its last part may be missing.',
  ]);
});

test('a decoder that gave up', () => {
  expect(said({}, [ERROR], 42, { code: 1, signal: null })).toEqual([
    'truncated_audio: The recording was decoded up to an error: Header missing.',
  ]);
  expect(said({}, [], 42, { code: 183, signal: null })).toEqual([
    'truncated_audio: The recording was decoded up to an error: the decoder ended with code 183.',
  ]);
  expect(said({}, [], 42, { code: null, signal: 'SIGXCPU' })).toEqual([
    'truncated_audio: The recording was decoded up to an error: SIGXCPU.',
  ]);
});

test('errors in between', () => {
  expect(said({}, [ERROR, EMPTY_ERROR])).toEqual([
    'damaged_audio: Parts of the recording could not be decoded (Header missing).',
  ]);
  expect(said({}, [EMPTY_ERROR])).toEqual([
    'damaged_audio: Parts of the recording could not be decoded.',
  ]);
});

test('gaps, which are counted at the rate of the recording', () => {
  expect(said({}, [SILENCE(16_384), SILENCE(16_384), SILENCE(39_232)])).toEqual([
    'missing_audio: 1.5 s of sound are missing within the recording; silence stands in their place.',
  ]);
  expect(said({}, [SILENCE(4_000)])).toEqual([]);
});

test('silence before sound that starts late is no gap', () => {
  expect(said({ startSeconds: 1 }, [SILENCE(48_000)])).toEqual([]);
  expect(said({ startSeconds: 1 }, [SILENCE(72_000)])).toHaveLength(1);
});

test('further tracks', () => {
  expect(said({ nTracks: 3 }, [])).toEqual([
    'further_tracks: The recording holds 3 audio tracks; only the first was read.',
  ]);
});

test('a log reads the same in any pieces', () => {
  const text = [HEALTHY, ERROR, SILENCE(100), EMPTY_ERROR, SILENCE(20), ''].join('\n');
  const whole = logOf(text);
  expect(whole.errors).toBe(`${ERROR}\n${EMPTY_ERROR}\n`);
  expect(whole.silenceSamples).toBe(120);
  fc.assert(
    fc.property(fc.array(fc.nat(text.length)), (cuts) => {
      const ends = [...cuts.toSorted((a, b) => a - b), text.length];
      const log = logOf(...ends.map((end, i) => text.slice(ends[i - 1] ?? 0, end)));
      expect(log.errors).toBe(whole.errors);
      expect(log.silenceSamples).toBe(120);
    }),
  );
});

test('a log that never ends is kept short', () => {
  const log = logOf(...Array.from({ length: 1000 }, () => `${ERROR}\n`), 'x'.repeat(1_000_000));
  expect(log.errors.length).toBeLessThanOrEqual(4096);
  log.push(`\n${SILENCE(7)}\n`);
  expect(log.silenceSamples).toBe(7);
});
