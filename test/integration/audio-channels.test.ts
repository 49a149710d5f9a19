/** All channels as one, or each on its own: which is heard, how loud, and how long. */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { FIXTURES } from '../support/paths.ts';
import {
  correlation,
  decode,
  decodeAtOnce,
  ffmpeg,
  isSame,
  temporaryFolder,
} from '../support/recordings.ts';

const folder = temporaryFolder();
const JFK = join(FIXTURES, 'goldens/jfk.wav');
/** A tone of each height for each channel. */
const toneHz = (channel: number): number => 300 * (channel + 1);
const tones = (nChannels: number): string =>
  `aevalsrc=${Array.from({ length: nChannels }, (_, i) => `0.1*sin(2*PI*${toneHz(i)}*t)`).join('|')}`;

describe('two speakers', () => {
  const path = join(folder, 'call.flac');
  let left: Float32Array;
  beforeAll(async () => {
    const right = 'aevalsrc=0.1*sin(2*PI*700*t):s=16000:d=11';
    await ffmpeg(
      ...['-i', JFK, '-f', 'lavfi', '-i', right, '-filter_complex', '[0][1]amerge=inputs=2'],
      path,
    );
    left = await decodeAtOnce(JFK);
  });

  test('each on its own is heard alone', async () => {
    const first = await decode(path, { channel: 0 });
    expect(isSame(first.pcm, left)).toBe(true);
    const second = await decode(path, { channel: 1 });
    expect(loudness(second.pcm, 700)).toBeCloseTo(0.1, 3);
    expect(Math.abs(correlation(second.pcm, left))).toBeLessThan(0.05);
    expect(second.pcm.length).toBe(left.length);
  });

  test('as one are heard together', async () => {
    const { pcm } = await decode(path, { channel: 'mix' });
    expect(isSame(pcm, await decodeAtOnce(path))).toBe(true);
    expect(isSame(pcm, (await decode(path)).pcm)).toBe(true);
    expect(correlation(pcm, left)).toBeGreaterThan(0.5);
    expect(loudness(pcm, 700)).toBeGreaterThan(0.04);
  });

  test.each([2, -1, 0.5, Number.NaN])('there is no channel %d', async (channel) => {
    await expect(decode(path, { channel })).rejects.toThrow(RangeError);
  });
});

test.each([
  ['stereo.mp3', 2, ['-ar', '44100', '-b:a', '192k']],
  ['stereo.opus', 2, ['-b:a', '128k']],
  ['stereo.m4a', 2, ['-ar', '48000', '-c:a', 'aac', '-b:a', '160k']],
  ['surround.flac', 6, ['-ar', '48000']],
] as const)('the channels of %s keep apart', async (name, nChannels, args) => {
  const path = join(folder, name);
  await ffmpeg('-f', 'lavfi', '-i', `${tones(nChannels)}:s=16000:d=2`, ...args, path);
  for (let channel = 0; channel < nChannels; channel++) {
    const { pcm } = await decode(path, { channel });
    for (let other = 0; other < nChannels; other++) {
      const expected = other === channel ? 0.1 : 0;
      expect(loudness(pcm, toneHz(other))).toBeCloseTo(expected, 1.7);
    }
  }
});

// FFmpeg would guess where such microphones stood, and take the third for a bass to be left out.
test.each([3, 4, 9, 16])('%d microphones of unknown places are all in the mix', async (n) => {
  const path = join(folder, `${n}.wav`);
  await ffmpeg('-f', 'lavfi', '-i', `${tones(n)}:s=16000:d=2`, '-f', 's16le', `${path}.raw`);
  await writePlainWav(path, n, await readFile(`${path}.raw`));
  const { pcm, warnings } = await decode(path);
  for (let channel = 0; channel < n; channel++) {
    expect(loudness(pcm, toneHz(channel)) * n).toBeCloseTo(0.1, 2);
  }
  expect(warnings).toEqual([]);
  const last = await decode(path, { channel: n - 1 });
  expect(loudness(last.pcm, toneHz(n - 1))).toBeCloseTo(0.1, 3);
});

test('a recording with more channels than can be mixed is refused', async () => {
  const path = join(folder, 'many.wav');
  await ffmpeg('-f', 'lavfi', '-i', 'anullsrc=r=8000:cl=mono:d=1', '-f', 's16le', `${path}.raw`);
  await writePlainWav(path, 65, await readFile(`${path}.raw`));
  await expect(decode(path)).rejects.toMatchObject({
    code: 'invalid_audio',
    message: 'The recording has 65 channels; 64 can be read.',
  });
});

/** 16 bits at 16 kHz, in the oldest kind of header, which says nothing of the places of channels. */
async function writePlainWav(path: string, nChannels: number, samples: Buffer): Promise<void> {
  const header = Buffer.alloc(44);
  header.write('RIFF\0\0\0\0WAVEfmt ', 'latin1');
  header.writeUInt32LE(36 + samples.length, 4);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(nChannels, 22);
  header.writeUInt32LE(16_000, 24);
  header.writeUInt32LE(16_000 * 2 * nChannels, 28);
  header.writeUInt16LE(2 * nChannels, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(samples.length, 40);
  await writeFile(path, Buffer.concat([header, samples]));
}

/** Amplitude of a tone: the one bin of the transform that is asked for, without the ends. */
function loudness(pcm: Float32Array, hz: number): number {
  const part = pcm.subarray(4000, 4000 + 16_000);
  let [re, im] = [0, 0];
  for (const [i, sample] of part.entries()) {
    const angle = (2 * Math.PI * hz * i) / 16_000;
    re += sample * Math.cos(angle);
    im += sample * Math.sin(angle);
  }
  return (2 * Math.hypot(re, im)) / part.length;
}
