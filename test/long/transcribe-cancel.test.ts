/** A recording that is canceled, in whatever stage: native runs stop, and nothing is left behind. */

import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { descendantsOf } from '../support/processes.ts';
import { joined, writeRecording } from '../support/spoken-recordings.ts';
import { openDevice, type Stage, type TestDevice } from '../support/whisper-device.ts';

const TIMEOUT = { timeout: 120_000 };
/** A canceled job is given 100 ms; here other processes may hold the machine. */
const MAX_CANCEL_MS = 2_000;
type Options = Parameters<TestDevice['transcribe']>[1];

/** Long enough not to be over before it is canceled. */
const recording = joined('call.wav', 'call.wav');
let path: string;
let device: TestDevice;
beforeAll(async () => {
  path = writeRecording(recording);
  device = await openDevice();
});
beforeEach(() => {
  device.onRun = () => {};
});
afterAll(async () => {
  await device?.[Symbol.asyncDispose]();
});

/** Cancels when `arm` says so, and answers how long the job took to end. */
async function cancel(
  options: Options,
  arm: (cancelNow: () => void) => void,
  more: Parameters<TestDevice['transcribe']>[2] = {},
): Promise<number> {
  const controller = new AbortController();
  let canceledAt = Infinity;
  const cancelNow = (): void => {
    if (controller.signal.aborted) return;
    canceledAt = performance.now();
    controller.abort(new Error('canceled by the user'));
  };
  const job = device.transcribe(path, options, { ...more, signal: controller.signal });
  arm(cancelNow);
  const [outcome] = await Promise.allSettled([job]);
  const tookMs = performance.now() - canceledAt;
  expect(outcome.status).toBe('rejected');
  const { reason } = outcome as PromiseRejectedResult;
  expect([reason.message, reason.code]).toSatisfy(
    ([message, code]) => message === 'canceled by the user' || code === 'aborted',
  );
  expect(device.slotsInUse()).toEqual([0, 0, 0, 0]);
  expect(descendantsOf(process.pid), 'no decoder is left').toEqual([]);
  return tookMs;
}

const words = { temperature: 0, word_timestamps: true };
const cases: readonly (readonly [string, Stage, number, Options])[] = [
  ['the encoder', 'encoder', 2, { temperature: 0 }],
  ['the cross-attention of a window', 'cross-attention', 2, { temperature: 0 }],
  ['a step of the decoder', 'decoder', 40, { temperature: 0 }],
  ['a beam', 'decoder of several lanes', 20, { temperature: 0, beam_size: 5 }],
  ['word times', 'alignment', 2, words],
  ['voice activity', 'voice activity', 20, { temperature: 0, vad_filter: true }],
  ['voice activity of windows side by side', 'voice activity', 50, { mode: 'batched' }],
  ['the encoder of one of several windows', 'encoder', 3, { mode: 'batched' }],
  ['steps of several windows', 'decoder of several lanes', 10, { mode: 'batched' }],
  ['word times of several windows', 'alignment', 2, { ...words, mode: 'batched' }],
];

test.each(cases)('in %s', TIMEOUT, async (name, stage, nth, options) => {
  const tookMs = await cancel(options, (cancelNow) => {
    let n = 0;
    device.onRun = (ran) => {
      if (ran === stage && ++n === nth) cancelNow();
    };
  });
  console.log(`${name}: stopped after ${tookMs.toFixed(1)} ms`);
  expect(tookMs).toBeLessThan(MAX_CANCEL_MS);
});

test('before it begins', TIMEOUT, async () => {
  const signal = AbortSignal.abort(new Error('canceled by the user'));
  await expect(device.transcribe(path, {}, { signal })).rejects.toThrow('canceled by the user');
  expect(device.slotsInUse()).toEqual([0, 0, 0, 0]);
});

test('while the recording is opened', TIMEOUT, async () => {
  const tookMs = await cancel({}, (cancelNow) => setImmediate(cancelNow));
  console.log(`opening: stopped after ${tookMs.toFixed(1)} ms`);
  expect(tookMs).toBeLessThan(MAX_CANCEL_MS);
});

test('while it is decoded or its spectrogram is computed', TIMEOUT, async () => {
  for (const ms of [60, 120, 180, 240]) {
    const tookMs = await cancel({ temperature: 0 }, (cancelNow) => {
      void delay(ms).then(cancelNow);
    });
    console.log(`${ms} ms after its begin: stopped after ${tookMs.toFixed(1)} ms`);
    expect(tookMs).toBeLessThan(MAX_CANCEL_MS);
  }
});

test.each<[string, Options]>([
  ['in order', {}],
  ['side by side', { mode: 'batched' }],
])('between two windows %s', TIMEOUT, async (_, options) => {
  let cancelNow = (): void => {};
  const arm = (now: () => void): void => {
    cancelNow = now;
  };
  const tookMs = await cancel(options, arm, { onPart: () => cancelNow() });
  expect(tookMs).toBeLessThan(MAX_CANCEL_MS);
});

test('a listener that fails ends the job', TIMEOUT, async () => {
  for (const mode of ['sequential', 'batched'] as const) {
    const onPart = (): void => {
      throw new Error('the disk is full');
    };
    const job = device.transcribe(path, { mode }, { onPart });
    await expect(job).rejects.toThrow('the disk is full');
    expect(device.slotsInUse()).toEqual([0, 0, 0, 0]);
    expect(descendantsOf(process.pid)).toEqual([]);
  }
});
