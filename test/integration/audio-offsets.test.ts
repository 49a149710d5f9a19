/** The time of a sample is its number: after half an hour as at the begin. */

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FIXTURES } from '../support/paths.ts';
import { encodeMinutes, lagsOf, temporaryFolder } from '../support/recordings.ts';

const JFK = join(FIXTURES, 'goldens/jfk.wav');
const N_MINUTES = 30;
const DEADLINE_MS = 120_000;
const folder = temporaryFolder();

// Three hours of more formats: test/long/audio-offsets.test.ts.
test.each([
  ['a.flac', ['-compression_level', '0']],
  ['a.wma', ['-c:a', 'wmav2', '-b:a', '64k']],
])('half an hour of %s', { timeout: DEADLINE_MS }, async (name, args) => {
  const minutes = await encodeMinutes(JFK, join(folder, name), N_MINUTES, args);
  const { lags, nSamples, warnings } = await lagsOf(minutes);
  // WMA does not tell its delay, which is the same in each minute.
  const lag = name === 'a.wma' ? -743 : 0;
  expect(lags).toEqual(Array.from({ length: N_MINUTES }, () => lag));
  expect(Math.abs(nSamples - N_MINUTES * 60 * 16_000)).toBeLessThan(800);
  expect(warnings).toEqual([]);
});
