/** Spans of speech from probabilities: cases by hand, and what is true of all. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HOP_SAMPLES } from '../../packages/pipeline/src/hyperparameters.ts';
import {
  BATCHED_SPANS,
  lookAheadSamples,
  SEQUENTIAL_SPANS,
  type SpeechSpanOptions,
} from '../../packages/pipeline/src/voice-activity/speech-span-options.ts';
import {
  SpeechSpanTracker,
  speechSpans,
} from '../../packages/pipeline/src/voice-activity/speech-spans.ts';

const FRAME = 512;
/** Without padding, so that spans are frames; pauses of 3 frames end them. */
const PLAIN: SpeechSpanOptions = {
  threshold: 0.5,
  negativeThreshold: 0.35,
  minSpeechFrames: 1,
  minSilenceFrames: 3,
  paddingBeforeSamples: 0,
  paddingAfterSamples: 0,
  maxSpanSamples: Number.POSITIVE_INFINITY,
};

/** Spans as [start, end] in samples; a recording of whole frames unless said otherwise. */
function spansOf(
  probabilities: readonly number[],
  options: Partial<SpeechSpanOptions> = {},
  nSamples = probabilities.length * FRAME,
): number[][] {
  const spans = speechSpans(probabilities, nSamples, { ...PLAIN, ...options });
  return spans.map(({ start, end }) => [start, end]);
}

/** `n` frames of one probability each: `frames([2, 0.9], [3, 0])`. */
const frames = (...runs: [number, number][]): number[] =>
  runs.flatMap(([n, probability]) => new Array<number>(n).fill(probability));

// A hop is 160 samples and a frame 512: begins are rounded down, ends up.
const down = (frame: number): number => Math.floor((frame * FRAME) / HOP_SAMPLES) * HOP_SAMPLES;
const up = (frame: number): number => Math.ceil((frame * FRAME) / HOP_SAMPLES) * HOP_SAMPLES;

describe('by hand', () => {
  test('silence has none, speech throughout is one', () => {
    expect(spansOf([])).toEqual([]);
    expect(spansOf(frames([50, 0.49]))).toEqual([]);
    expect(spansOf(frames([50, 0.5]))).toEqual([[0, 50 * FRAME]]);
  });

  test('a span begins at the higher threshold and lasts to the lower', () => {
    const probabilities = [0, 0.4, 0.5, 0.4, 0.35, 0.34, 0.4, 0.4, 0.4];
    // From frame 2; at 0.34 (frame 5) it pauses, and 0.4 does not end a pause.
    expect(spansOf(probabilities)).toEqual([[down(2), up(5)]]);
    expect([down(2), up(5)]).toEqual([960, 2560]);
  });

  test('a pause shorter than the least is speech', () => {
    expect(spansOf(frames([1, 0.9], [2, 0], [1, 0.9], [3, 0], [1, 0.9], [9, 0]))).toEqual([
      [0, up(4)],
      [down(7), up(8)],
    ]);
  });

  test('what is shorter than the least speech is dropped, pauses not counted', () => {
    const options = { minSpeechFrames: 3 };
    expect(spansOf(frames([1, 0.9], [2, 0], [1, 0.9], [9, 0]), options)).toEqual([]);
    const three = frames([1, 0.9], [2, 0], [1, 0.9], [2, 0], [1, 0.9], [9, 0]);
    expect(spansOf(three, options)).toEqual([[0, up(7)]]);
    expect(spansOf(frames([9, 0], [2, 0.9]), options)).toEqual([]);
  });

  test('padding goes as far as the recording', () => {
    const options = { paddingBeforeSamples: 640, paddingAfterSamples: 640 };
    expect(spansOf(frames([1, 0], [2, 0.9], [9, 0]), options)).toEqual([[0, 2240]]);
    expect(spansOf(frames([4, 0], [2, 0.9]), options, 3000)).toEqual([[1280, 3000]]);
    // Between 4 * 512 - 640 = 1408 and 6 * 512 + 640 = 3712, rounded to hops.
    expect(spansOf(frames([4, 0], [2, 0.9], [9, 0]), options)).toEqual([[1280, 3840]]);
  });

  test('padding before gives way to what was spoken before', () => {
    const options = { paddingBeforeSamples: 1280, paddingAfterSamples: 640 };
    const probabilities = frames([4, 0.9], [3, 0], [4, 0.9], [9, 0]);
    // 4 * 512 + 640 = 2688, rounded up to 2720; 7 * 512 - 1280 = 2304 lies before.
    expect(spansOf(probabilities, options)).toEqual([
      [0, 2720],
      [2720, 6400],
    ]);
  });

  test('frames between the thresholds are speech only once there is enough of it', () => {
    const options = { minSpeechFrames: 3 };
    expect(spansOf(frames([2, 0.9], [20, 0.4], [1, 0.9], [9, 0]), options)).toEqual([]);
    expect(spansOf(frames([3, 0.9], [20, 0.4], [9, 0]), options)).toEqual([[0, up(23)]]);
  });

  test('the last frame need not be whole', () => {
    expect(spansOf(frames([9, 0], [1, 0.9]), {}, 9 * FRAME + 1)).toEqual([
      [down(9), 9 * FRAME + 1],
    ]);
  });

  test('a span that is too long is cut in the middle of the longest pause of its second half', () => {
    const options = { maxSpanSamples: 20 * FRAME };
    // Pauses of 2 frames at 4 (first half) and 12, of 1 at 16.
    const long = frames([4, 0.9], [2, 0], [6, 0.9], [2, 0], [2, 0.9], [1, 0], [8, 0.9], [3, 0]);
    expect(spansOf(long, options)).toEqual([
      [0, 13 * FRAME - ((13 * FRAME) % HOP_SAMPLES)],
      [13 * FRAME - ((13 * FRAME) % HOP_SAMPLES), up(25)],
    ]);
  });

  test('of two pauses that are as long, the later is the better', () => {
    const long = frames([11, 0.9], [2, 0], [3, 0.9], [2, 0], [12, 0.9]);
    expect(spansOf(long, { maxSpanSamples: 20 * FRAME })[0]).toEqual([0, down(17)]);
  });

  test('where speech never pauses it is cut where it is least likely', () => {
    const options = { maxSpanSamples: 20 * FRAME };
    const long = frames([14, 0.9], [1, 0.6], [20, 0.9]);
    const middle = 14.5 * FRAME;
    const cut = middle - (middle % HOP_SAMPLES);
    const [first, second, ...rest] = spansOf(long, options);
    expect(first).toEqual([0, cut]);
    expect(second?.[0]).toBe(cut);
    expect(rest).toEqual([[second?.[1], 35 * FRAME]]);
  });

  test.each([
    { negativeThreshold: 0.6 },
    { minSpeechFrames: 0 },
    { paddingBeforeSamples: -1 },
    { paddingAfterSamples: -1 },
    { paddingAfterSamples: 769 },
    { minSilenceFrames: 0 },
    { maxSpanSamples: 4095 },
  ])('refuses %j', (options) => {
    expect(() => spansOf([], options)).toThrow(RangeError);
  });
});

test('the two modes differ in what ends a span, and in whether it may be long', () => {
  const pause = (n: number) => frames([20, 0.9], [n, 0], [20, 0.9]);
  const count = (options: SpeechSpanOptions, n: number) =>
    speechSpans(pause(n), (n + 40) * FRAME, options).length;
  // 0.4 s are 12.5 frames, 2 s are 62.5.
  expect([12, 13, 62, 63].map((n) => count(BATCHED_SPANS, n))).toEqual([1, 2, 2, 2]);
  expect([12, 13, 62, 63].map((n) => count(SEQUENTIAL_SPANS, n))).toEqual([1, 1, 1, 2]);
  const minute = frames([1875, 0.9]);
  expect(speechSpans(minute, 960_000, SEQUENTIAL_SPANS)).toEqual([{ start: 0, end: 960_000 }]);
  expect(speechSpans(minute, 960_000, BATCHED_SPANS).length).toBeGreaterThan(1);
});

const anyOptions: fc.Arbitrary<SpeechSpanOptions> = fc
  .record({
    minSpeechFrames: fc.integer({ min: 1, max: 6 }),
    extraSilenceFrames: fc.integer({ min: 1, max: 10 }),
    paddingBeforeSamples: fc.integer({ min: 0, max: 3000 }),
    paddingAfterSamples: fc.integer({ min: 0, max: 3000 }),
    extraSpanSamples: fc.option(fc.integer({ min: 0, max: 40 * FRAME }), { nil: Infinity }),
  })
  .map(({ extraSilenceFrames, extraSpanSamples, ...rest }) => ({
    threshold: 0.5,
    negativeThreshold: 0.35,
    ...rest,
    minSilenceFrames: Math.ceil((2 * rest.paddingAfterSamples) / FRAME) + extraSilenceFrames,
    maxSpanSamples:
      2 * (rest.paddingBeforeSamples + rest.paddingAfterSamples) + 8 * FRAME + extraSpanSamples,
  }));

/** Runs of one probability each, as recordings have them, and a last frame of any length. */
const anyRecording = fc
  .record({
    runs: fc.array(
      fc.tuple(fc.integer({ min: 1, max: 30 }), fc.constantFrom(0, 0.3, 0.34, 0.4, 0.5, 0.9, 1)),
      { maxLength: 30 },
    ),
    lastFrameSamples: fc.integer({ min: 1, max: FRAME }),
  })
  .map(({ runs, lastFrameSamples }) => {
    const probabilities = frames(...runs);
    const nSamples = Math.max(0, (probabilities.length - 1) * FRAME + lastFrameSamples);
    return { probabilities, nSamples };
  });

describe('of any recording', () => {
  test('spans are in order, apart, inside, on whole hops and not too long', () => {
    fc.assert(
      fc.property(anyRecording, anyOptions, ({ probabilities, nSamples }, options) => {
        let last = 0;
        for (const { start, end } of speechSpans(probabilities, nSamples, options)) {
          expect(start).toBeGreaterThanOrEqual(last);
          expect(end).toBeGreaterThan(start);
          expect(end).toBeLessThanOrEqual(nSamples);
          expect(end - start).toBeLessThanOrEqual(options.maxSpanSamples);
          expect(start % HOP_SAMPLES).toBe(0);
          if (end !== nSamples) expect(end % HOP_SAMPLES).toBe(0);
          last = end;
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('every frame of speech is in a span, padding included, unless there is too little', () => {
    fc.assert(
      fc.property(anyRecording, anyOptions, ({ probabilities, nSamples }, options) => {
        const spans = speechSpans(probabilities, nSamples, options);
        const isKept = (from: number, to: number): boolean => {
          let at = Math.max(0, from);
          for (const { start, end } of spans) if (start <= at && at < end) at = end;
          return at >= Math.min(to, nSamples);
        };
        let loud = 0;
        for (const [i, probability] of probabilities.entries()) {
          loud = probability >= options.threshold ? loud + 1 : 0;
          if (loud < options.minSpeechFrames) continue;
          const from = (i + 1 - loud) * FRAME - options.paddingBeforeSamples;
          expect(isKept(from, (i + 1) * FRAME + options.paddingAfterSamples)).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('a pause that ends a span is in none, but for the padding', () => {
    fc.assert(
      fc.property(anyRecording, anyOptions, ({ probabilities, nSamples }, options) => {
        const spans = speechSpans(probabilities, nSamples, options);
        let quiet = 0;
        for (const [i, probability] of [...probabilities, 1].entries()) {
          if (probability < options.negativeThreshold) {
            quiet++;
            continue;
          }
          if (quiet >= options.minSilenceFrames) {
            const from = (i - quiet) * FRAME + options.paddingAfterSamples + HOP_SAMPLES;
            const to = i * FRAME - options.paddingBeforeSamples - HOP_SAMPLES;
            for (const { start, end } of spans) expect(end <= from || start >= to).toBe(true);
          }
          quiet = 0;
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('what is settled stays so, and is never far behind', () => {
    fc.assert(
      fc.property(anyRecording, anyOptions, ({ probabilities, nSamples }, options) => {
        const all = speechSpans(probabilities, nSamples, options);
        const isSpeech = (sample: number): boolean =>
          all.some(({ start, end }) => start <= sample && sample < end);
        const tracker = new SpeechSpanTracker(options);
        let settled = 0;
        // The last frame belongs to `finish`.
        for (const [i, probability] of probabilities.slice(0, -1).entries()) {
          tracker.push(probability);
          const { settledSamples, openStart } = tracker;
          expect(settledSamples).toBeGreaterThanOrEqual(settled);
          expect(settledSamples).toBeLessThanOrEqual((i + 1) * FRAME);
          expect((i + 1) * FRAME - settledSamples).toBeLessThanOrEqual(lookAheadSamples(options));
          for (let sample = settled; sample < settledSamples; sample += HOP_SAMPLES) {
            const isOpen = openStart !== null && sample >= openStart;
            const isEnded = tracker.spans.some((s) => s.start <= sample && sample < s.end);
            expect(isOpen || isEnded).toBe(isSpeech(sample));
          }
          settled = settledSamples;
        }
      }),
      { numRuns: 500 },
    );
  });
});
