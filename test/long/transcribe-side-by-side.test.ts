/** One recording in several lanes at once: the same text whatever the number, and as good as in order. */

import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { wordErrorRate } from '../../apps/cli/src/word-error-rate.ts';
import { SAMPLES } from '../support/paths.ts';
import {
  joined,
  type Sentence,
  sentencesOf,
  writeRecording,
} from '../support/spoken-recordings.ts';
import { expectInOrder } from '../support/transcript-order.ts';
import { openDevice, type TestDevice } from '../support/whisper-device.ts';

const TIMEOUT = { timeout: 300_000 };
const CALL = join(SAMPLES, 'call.wav');
const BATCHED = { mode: 'batched', temperature: 0 } as const;
/** Each on its own is transcribed without an error, so that only the cuts can cost one. */
const CLEAN = ['standup.wav', 'voicemail.wav'];

let device: TestDevice;
beforeAll(async () => {
  device = await openDevice({ lanesPerJob: 3 });
});
afterAll(async () => {
  await device?.[Symbol.asyncDispose]();
});

/** The model loses its way in a window of the call that begins where it does side by side. */
const MOST_ERRORS_SHARE = 0.4;

test('a call of two minutes is in all lanes at once, and is the same in one', TIMEOUT, async () => {
  const options = { ...BATCHED, word_timestamps: true };
  const inThree = await device.transcribe(CALL, options);
  expectInOrder(inThree);
  expect(device.mostSlots()).toEqual([3, 3, 3, 3]);
  expect(device.slotsInUse()).toEqual([0, 0, 0, 0]);
  const { errors, words, rate } = wordErrorRate(textOf(sentencesOf('call.wav')), inThree.text);
  console.log(`${errors} errors of ${words} words`);
  expect(rate).toBeLessThan(MOST_ERRORS_SHARE);

  await using one = await openDevice({ lanesPerJob: 1 });
  const inOne = await one.transcribe(CALL, options);
  expect(one.mostSlots()).toEqual([1, 1, 1, 1]);
  // Rows of one run are summed in another order than a row alone.
  expect(rounded(inThree)).toEqual(rounded(inOne));
});

test('each beam has lanes of its own', TIMEOUT, async () => {
  await using five = await openDevice({ lanesPerJob: 5 });
  const path = writeRecording(joined('standup.wav', 25, 'voicemail.wav', 25, 'standup.wav'));
  const { text } = await five.transcribe(path, { ...BATCHED, beam_size: 2 });
  // Two windows of two hypotheses each.
  expect(five.mostSlots()).toEqual([2, 2, 2, 4]);
  const names = ['standup.wav', 'voicemail.wav', 'standup.wav'];
  expect(wordErrorRate(names.map((name) => textOf(sentencesOf(name))).join(' '), text).errors).toBe(
    0,
  );
});

test('many windows come in their order', TIMEOUT, async () => {
  const pieces = Array.from({ length: 8 }, (_, i) => [CLEAN[i % 2] ?? '', 18]).flat();
  const recording = joined(...pieces);
  const seeks: number[] = [];
  let mostProcessed = 0;
  const transcript = await device.transcribe(writeRecording(recording), BATCHED, {
    onPart: ({ heard, processedSeconds, durationSeconds }) => {
      seeks.push(...heard.map(({ span }) => span.startFrame));
      expect(processedSeconds).toBeGreaterThan(mostProcessed);
      expect(processedSeconds).toBeLessThanOrEqual(durationSeconds ?? 0);
      mostProcessed = processedSeconds;
    },
  });
  expectInOrder(transcript);
  expect(seeks.length).toBeGreaterThanOrEqual(8);
  expect(seeks).toEqual(seeks.toSorted((a, b) => a - b));
  expect(wordErrorRate(textOf(recording.sentences), transcript.text).errors).toBe(0);
});

function textOf(sentences: readonly Sentence[]): string {
  return sentences.map(({ text }) => text).join(' ');
}

/** Numbers to three places. */
function rounded<T>(value: T): T {
  return JSON.parse(JSON.stringify(value), (_, inner: unknown) =>
    typeof inner === 'number' ? Math.round(inner * 1e3) / 1e3 : inner,
  );
}
