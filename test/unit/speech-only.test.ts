/** Speech alone, sample for sample, and where it was. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PcmWindow } from '../../packages/pipeline/src/audio/pcm-window.ts';
import { WINDOW_SAMPLES } from '../../packages/pipeline/src/hyperparameters.ts';
import {
  type SpeechSource,
  speechOnly,
} from '../../packages/pipeline/src/voice-activity/speech-only.ts';
import { SEQUENTIAL_SPANS } from '../../packages/pipeline/src/voice-activity/speech-span-options.ts';
import { speechSpans } from '../../packages/pipeline/src/voice-activity/speech-spans.ts';
import { CountingSource, ScriptedDetector } from '../support/scripted-speech.ts';

const FRAME = 512;
const NEVER = new AbortController().signal;

/** The pieces of the recording that are read, as [start, end], in reads of `sizes`. */
async function readPieces(source: SpeechSource, sizes: readonly number[]) {
  const pieces: [number, number][] = [];
  const out = new Float32Array(100_000);
  for (let i = 0; ; i++) {
    const begin = 1 + (i % 3) * 1000;
    const end = begin + (sizes[i % sizes.length] ?? 1);
    out.fill(-1);
    const nSamples = await source.read(out, NEVER, begin, end);
    expect([out[begin - 1], out[begin + nSamples]]).toEqual([-1, -1]);
    for (const value of out.subarray(begin, begin + nSamples)) {
      const last = pieces.at(-1);
      if (last?.[1] === value - 1) last[1] = value;
      else pieces.push([value - 1, value]);
    }
    if (begin + nSamples < end) break;
  }
  expect(await source.read(new Float32Array(100), NEVER)).toBe(0);
  return pieces;
}

/** Runs of speech and silence in frames. */
const script = (...runs: [number, number][]): number[] =>
  runs.flatMap(([n, probability]) => new Array<number>(n).fill(probability));

const anyScript = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 200 }), fc.constantFrom(0, 0.4, 0.9)), {
    minLength: 1,
    maxLength: 12,
  })
  .map((runs) => script(...runs));

test('reads the samples of the spans and no others, each from where the timeline says', async () => {
  await fc.assert(
    fc.asyncProperty(
      anyScript,
      fc.integer({ min: 1, max: FRAME }),
      fc.array(fc.integer({ min: 1000, max: 60_000 }), { minLength: 1, maxLength: 4 }),
      async (probabilities, lastFrame, sizes) => {
        const nSamples = (probabilities.length - 1) * FRAME + lastFrame;
        const source = new CountingSource(nSamples);
        await using speech = speechOnly(source, new ScriptedDetector(probabilities));
        const spans = speechSpans(probabilities, nSamples, SEQUENTIAL_SPANS);
        expect(await readPieces(speech, sizes)).toEqual(
          spans.map(({ start, end }) => [start, end]),
        );
        expect(speech.samplesRead).toBe(nSamples);
        let frame = 0;
        for (const { start, end } of spans) {
          const last = Math.ceil((end - start) / 160) - 1;
          expect(speech.toRecordingFrame(frame)).toBe(start / 160);
          expect(speech.toRecordingFrame(frame + last)).toBe(start / 160 + last);
          frame += last + 1;
        }
        expect(Math.ceil(speech.speechSamples / 160)).toBe(frame);
      },
    ),
    { numRuns: 100 },
  );
});

test('a window moves along speech that lies minutes apart', async () => {
  // 20 s of speech, 5 min of silence, 20 s of speech, a minute of silence.
  const probabilities = script([625, 0.9], [9375, 0], [625, 0.9], [1875, 0]);
  const source = new CountingSource(probabilities.length * FRAME);
  await using speech = speechOnly(source, new ScriptedDetector(probabilities));
  const window = new PcmWindow(speech, new Float32Array(WINDOW_SAMPLES));
  expect(await window.fill(NEVER)).toBe(3000);
  await window.seekTo(3000, NEVER);
  // The first piece ends 0.4 s behind its speech, the second begins 0.4 s before its own.
  expect(speech.toRecordingFrame(2039)).toBe(2039);
  expect(speech.toRecordingFrame(2040)).toBe(31_960);
  // Text that Whisper lets begin in the padding of the first was spoken in the second.
  expect(speech.toRecordingSpan(2010, 2300)).toEqual({ startFrame: 31_960, endFrame: 32_220 });
  expect(await window.fill(NEVER)).toBe(1120);
  await window.seekTo(4120, NEVER);
  expect(await window.fill(NEVER)).toBe(0);
  expect(speech.durationSeconds).toBe(400);
});

test('nothing is forgotten while it is uncertain for as long as can be', async () => {
  // Single frames with the longest pauses that do not part them: the last makes them speech.
  const { minSpeechFrames, minSilenceFrames } = SEQUENTIAL_SPANS;
  const blip: [number, number][] = [
    [1, 0.9],
    [minSilenceFrames - 1, 0],
  ];
  const blips = script(...new Array<typeof blip>(minSpeechFrames).fill(blip).flat());
  const probabilities = [...script([500, 0]), ...blips, ...script([500, 0])];
  const source = new CountingSource(probabilities.length * FRAME);
  await using speech = speechOnly(source, new ScriptedDetector(probabilities));
  const speechEnd = 500 + (minSpeechFrames - 1) * minSilenceFrames + 1;
  const [start, end] = [500 * FRAME - 6400, speechEnd * FRAME + 6400];
  const hops = [Math.floor(start / 160) * 160, Math.ceil(end / 160) * 160];
  expect(await readPieces(speech, [7000])).toEqual([hops]);
});

test('a recording without speech has no window', async () => {
  const source = new CountingSource(1_000_000);
  await using speech = speechOnly(source, new ScriptedDetector([]));
  const window = new PcmWindow(speech, new Float32Array(WINDOW_SAMPLES));
  expect(await window.fill(NEVER)).toBe(0);
  expect(source.samplesRead).toBe(1_000_000);
});

test('an abort rejects with its reason, also in the middle of silence', async () => {
  const stop = new AbortController();
  const source = new CountingSource(16_000_000);
  const read = source.read.bind(source);
  source.read = (out, signal) => {
    if (source.samplesRead > 1_000_000) stop.abort(new Error('stop'));
    return read(out, signal);
  };
  await using speech = speechOnly(source, new ScriptedDetector([]));
  await expect(speech.read(new Float32Array(100), stop.signal)).rejects.toThrow('stop');
  expect(source.samplesRead).toBeLessThan(1_100_000);
  await expect(speech.read(new Float32Array(100), AbortSignal.abort('early'))).rejects.toBe(
    'early',
  );
});

test('ends what it was given', async () => {
  const source = new CountingSource(1000);
  const detector = new ScriptedDetector([]);
  await speechOnly(source, detector)[Symbol.asyncDispose]();
  expect([source.isClosed, detector.isClosed]).toEqual([true, true]);
});
