/** The time of a sample is its number: in the third hour as at the begin, in every format. */

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FIXTURES } from '../support/paths.ts';
import { encodeMinutes, lagsOf, temporaryFolder } from '../support/recordings.ts';

const JFK = join(FIXTURES, 'goldens/jfk.wav');
const N_MINUTES = 180;
const folder = temporaryFolder();

test.each([
  ['a.wav', []],
  ['a.flac', ['-compression_level', '0']],
  ['a.mp3', ['-b:a', '64k', '-compression_level', '9']],
  ['a.opus', ['-b:a', '32k', '-compression_level', '0']],
  ['a.ogg', ['-c:a', 'libvorbis', '-q:a', '2']],
  ['a.m4a', ['-c:a', 'aac', '-aac_coder', 'fast', '-b:a', '96k']],
  ['a.webm', ['-c:a', 'libopus', '-b:a', '32k', '-compression_level', '0']],
] as const)('three hours of %s', async (name, args) => {
  const minutes = await encodeMinutes(JFK, join(folder, name), N_MINUTES, args);
  const { lags, nSamples, warnings } = await lagsOf(minutes);
  expect(lags).toEqual(Array.from({ length: N_MINUTES }, () => 0));
  expect(Math.abs(nSamples - N_MINUTES * 60 * 16_000)).toBeLessThan(800);
  expect(warnings).toEqual([]);
});
