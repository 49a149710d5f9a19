/** Windows of whole spans of speech. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WINDOW_SAMPLES } from '../../packages/pipeline/src/hyperparameters.ts';
import {
  BATCHED_SPANS,
  SEQUENTIAL_SPANS,
} from '../../packages/pipeline/src/voice-activity/speech-span-options.ts';
import { speechSpans } from '../../packages/pipeline/src/voice-activity/speech-spans.ts';
import { SpeechWindows } from '../../packages/pipeline/src/voice-activity/speech-windows.ts';
import { CountingSource, ScriptedDetector } from '../support/scripted-speech.ts';

const FRAME = 512;
const NEVER = new AbortController().signal;
const script = (...runs: [number, number][]): number[] =>
  runs.flatMap(([n, probability]) => new Array<number>(n).fill(probability));

/** The windows as [start, end] in samples; each holds the recording from there on, then zeros. */
async function windowsOf(probabilities: readonly number[], nSamples: number) {
  const source = new CountingSource(nSamples);
  await using windows = new SpeechWindows(source, new ScriptedDetector(probabilities));
  // Two slots in turn, neither of which is clean.
  const slots = [0, 1].map(() => new Float32Array(WINDOW_SAMPLES).fill(-1));
  const found: [number, number][] = [];
  for (let i = 0; ; i++) {
    const slot = slots[i % 2] ?? new Float32Array(WINDOW_SAMPLES);
    const window = await windows.next(slot, NEVER);
    if (window === null) break;
    const { startFrame, startSample, nSamples: length } = window;
    expect(startFrame * 160).toBe(startSample);
    const isRight = (sample: number, j: number): boolean =>
      sample === (j < length ? startSample + j + 1 : 0);
    expect(slot.every(isRight)).toBe(true);
    found.push([startSample, startSample + length]);
  }
  expect(await windows.next(new Float32Array(WINDOW_SAMPLES), NEVER)).toBeNull();
  expect(source.samplesRead).toBe(nSamples);
  return found;
}

describe('by hand', () => {
  test('spans that fit into 30 s share a window, with the pauses between them', async () => {
    // Speech at 3.2 to 9.6, 16 to 22.4 and 32 to 38.4 s; 0.4 s before and 0.2 s after it.
    const probabilities = script([100, 0], [200, 0.9], [200, 0], [200, 0.9], [300, 0], [200, 0.9]);
    expect(await windowsOf(probabilities, 1200 * FRAME)).toEqual([
      [2.8 * 16_000, 22.6 * 16_000],
      [31.6 * 16_000, 1200 * FRAME],
    ]);
  });

  test('a span of more than 30 s is cut at its best pause', async () => {
    // A pause of 10 frames in the middle of 40 s.
    const probabilities = script([700, 0.9], [10, 0], [540, 0.9]);
    const cut = 705 * FRAME;
    expect(await windowsOf(probabilities, 1250 * FRAME)).toEqual([
      [0, cut - (cut % 160)],
      [cut - (cut % 160), 1250 * FRAME],
    ]);
  });

  test('silence has no windows', async () => {
    expect(await windowsOf([], 1_000_000)).toEqual([]);
    expect(await windowsOf([], 0)).toEqual([]);
  });
});

test('hold every span, whole and in order, in as few windows as go in order', async () => {
  const anyScript = fc.array(
    fc.tuple(fc.integer({ min: 1, max: 1500 }), fc.constantFrom(0, 0.2, 0.9, 0.9)),
    { minLength: 1, maxLength: 8 },
  );
  await fc.assert(
    fc.asyncProperty(anyScript, fc.integer({ min: 1, max: FRAME }), async (runs, lastFrame) => {
      const probabilities = script(...runs);
      const nSamples = (probabilities.length - 1) * FRAME + lastFrame;
      const expected: [number, number][] = [];
      for (const { start, end } of speechSpans(probabilities, nSamples, BATCHED_SPANS)) {
        const last = expected.at(-1);
        if (last !== undefined && end - last[0] <= WINDOW_SAMPLES) last[1] = end;
        else expected.push([start, end]);
      }
      expect(await windowsOf(probabilities, nSamples)).toEqual(expected);
    }),
    { numRuns: 40 },
  );
});

test('refuses a slot of another size, spans that do not fit, and goes on from an abort with its reason', async () => {
  const source = new CountingSource(1000);
  await using windows = new SpeechWindows(source, new ScriptedDetector([]));
  await expect(windows.next(new Float32Array(1000), NEVER)).rejects.toThrow(RangeError);
  const slot = new Float32Array(WINDOW_SAMPLES);
  await expect(windows.next(slot, AbortSignal.abort('stop'))).rejects.toBe('stop');
  const detector = new ScriptedDetector([]);
  expect(() => new SpeechWindows(source, detector, SEQUENTIAL_SPANS)).toThrow(RangeError);
});
