/** Utterances that the demonstration model has never heard: as many errors as its reference makes. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { wordErrorRate } from '../../apps/cli/src/word-error-rate.ts';
import { FIXTURES } from '../support/paths.ts';
import { openDevice, type TestDevice } from '../support/whisper-device.ts';

const HELDOUT = join(FIXTURES, 'heldout');
/** Recordings that are transcribed at once. */
const JOBS = 5;
const RATE_TOLERANCE = 0.002;
const ERROR_TOLERANCE = 2;

const reference = z
  .object({
    wer: z.number(),
    errors: z.int(),
    words: z.int(),
    rows: z.array(z.object({ file: z.string(), text: z.string() })),
  })
  .parse(JSON.parse(readFileSync(join(HELDOUT, 'reference.json'), 'utf8')));
/** What is really said, by file. */
const spoken = new Map(
  readFileSync(join(HELDOUT, 'transcripts.tsv'), 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t') as [file: string, text: string]),
);

let device: TestDevice;
beforeAll(async () => {
  device = await openDevice({ lanesPerJob: 1, jobs: JOBS });
});
afterAll(async () => {
  await device?.[Symbol.asyncDispose]();
});

test('the word error rate is the reference’s', { timeout: 600_000 }, async () => {
  const waiting = [...reference.rows];
  let [errors, words, nDifferent] = [0, 0, 0];
  const work = async (): Promise<void> => {
    for (let row = waiting.shift(); row !== undefined; row = waiting.shift()) {
      const { text } = await device.transcribe(join(HELDOUT, row.file), { temperature: 0 });
      const result = wordErrorRate(spoken.get(row.file) ?? '', text);
      errors += result.errors;
      words += result.words;
      if (text !== row.text.trim()) nDifferent += 1;
    }
  };
  await Promise.all(Array.from({ length: JOBS }, work));
  console.log(`${errors} errors of ${words} words, ${nDifferent} texts are not the reference's`);
  expect(words).toBe(reference.words);
  expect(errors / words).toBeLessThanOrEqual(reference.wer + RATE_TOLERANCE);
  expect(errors).toBeLessThanOrEqual(reference.errors + ERROR_TOLERANCE);
  // Rounding alone may pick another token where two are equally likely, but hardly ever.
  expect(nDifferent).toBeLessThanOrEqual(ERROR_TOLERANCE);
  expect(device.slotsInUse()).toEqual([0, 0, 0, 0]);
});
