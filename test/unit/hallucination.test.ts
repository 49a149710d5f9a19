/** What looks made up, and where the next window begins because of it. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  nextWordsSegment,
  type SpokenWindow,
  seekByWords,
} from '../../packages/pipeline/src/alignment/seek-by-words.ts';
import type { TimedWord, WordSegment } from '../../packages/pipeline/src/alignment/timed-word.ts';
import {
  isSegmentAnomaly,
  wordAnomalyScore,
} from '../../packages/pipeline/src/alignment/word-anomaly.ts';

const word = (startFrame: number, endFrame: number, probability = 0.9, text = ' a'): TimedWord => ({
  word: text,
  tokens: [1],
  startFrame,
  endFrame,
  probability,
});

const segmentOf = (...words: readonly TimedWord[]): WordSegment => ({
  startFrame: words[0]?.startFrame ?? 0,
  endFrame: words.at(-1)?.endFrame ?? 0,
  text: words.map((each) => each.word).join(''),
  tokens: words.map(() => 1),
  firstToken: 0,
  words,
});

/** A likely segment of two words of 0.3 s. */
const good = (startFrame: number): WordSegment =>
  segmentOf(word(startFrame, startFrame + 30), word(startFrame + 30, startFrame + 60));
/** One of two improbable words of 0.3 s. */
const odd = (startFrame: number): WordSegment =>
  segmentOf(word(startFrame, startFrame + 30, 0.1), word(startFrame + 30, startFrame + 60, 0.1));
const wordless = (startFrame: number, endFrame: number): WordSegment => ({
  ...segmentOf(),
  startFrame,
  endFrame,
});

describe('how odd a word is', () => {
  test('grows with how improbable, how short and how long it is', () => {
    expect(wordAnomalyScore(word(0, 30))).toBe(0);
    expect(wordAnomalyScore(word(0, 30, 0.15))).toBe(0);
    expect(wordAnomalyScore(word(0, 30, 0.149))).toBe(1);
    expect(wordAnomalyScore(word(0, 200))).toBe(0);
    expect(wordAnomalyScore(word(0, 350))).toBeCloseTo(1.5, 9);
    expect(wordAnomalyScore(word(0, 14))).toBe(0);
    expect(wordAnomalyScore(word(0, 0))).toBeCloseTo(0.133 * 15, 9);
    expect(wordAnomalyScore(word(0, 10, 0.1))).toBeCloseTo(1 + 0.033 * 15, 9);
  });
});

describe('a segment looks made up', () => {
  test('when its words are odd by one each, or by three together', () => {
    expect(isSegmentAnomaly(odd(0))).toBe(true);
    expect(isSegmentAnomaly(good(0))).toBe(false);
    expect(isSegmentAnomaly(segmentOf(word(0, 30, 0.1), word(30, 60)))).toBe(false);
    // 0.99 for one word is as good as 1; 0.98 is not.
    expect(isSegmentAnomaly(segmentOf(word(0, 299)))).toBe(true);
    expect(isSegmentAnomaly(segmentOf(word(0, 298)))).toBe(false);
    const goods = Array.from({ length: 7 }, (_, i) => word(30 * i, 30 * i + 30));
    expect(isSegmentAnomaly(segmentOf(...goods, word(210, 710)))).toBe(true);
    expect(isSegmentAnomaly(segmentOf(...goods, word(210, 709)))).toBe(false);
  });

  test('by its first eight words, punctuation not counted', () => {
    const goods = Array.from({ length: 7 }, (_, i) => word(30 * i, 30 * i + 30));
    const mark = word(210, 900, 0.01, '.');
    expect(isSegmentAnomaly(segmentOf(...goods, mark, word(900, 930), word(930, 2000)))).toBe(
      false,
    );
    expect(isSegmentAnomaly(segmentOf(...goods, mark, word(900, 1400)))).toBe(true);
  });

  test('not without words; with nothing but punctuation it does', () => {
    expect(isSegmentAnomaly(wordless(0, 100))).toBe(false);
    expect(isSegmentAnomaly(segmentOf(word(0, 30, 0.9, '!')))).toBe(true);
  });
});

test('the next segment with words is the first that has any', () => {
  const found = good(100);
  expect(nextWordsSegment([wordless(0, 50), found, good(200)])).toBe(found);
  expect(nextWordsSegment([wordless(0, 50)])).toBeUndefined();
  expect(nextWordsSegment([])).toBeUndefined();
});

/** The second window of a long recording, unless said otherwise. */
const windowOf = (
  segments: readonly WordSegment[],
  other: Partial<SpokenWindow> = {},
): SpokenWindow => ({
  segments,
  span: { startFrame: 3000, nFrames: 3000 },
  seekFrame: 5500,
  endsOpen: false,
  lastSpeechFrame: 2950,
  contentFrames: 20_000,
  ...other,
});

/** Segments by where they begin, the next window's begin, and the end of the last word. */
function seek(
  window: SpokenWindow,
  silenceFrames: number | null,
): readonly [readonly number[], number, number] {
  const { segments, seekFrame, lastSpeechFrame } = seekByWords(window, silenceFrames);
  return [segments.map(({ startFrame }) => startFrame), seekFrame, lastSpeechFrame];
}

describe('the next window begins', () => {
  test('where the last word ends', () => {
    expect(seek(windowOf([good(3000), good(5000)]), null)).toEqual([[3000, 5000], 5060, 5060]);
    const trailing = windowOf([good(3000), wordless(3060, 3060)]);
    expect(seek(trailing, null)).toEqual([[3000, 3060], 3060, 3060]);
  });

  test('where timestamps say, when it ends open or has no words', () => {
    const open = windowOf([good(3000)], { endsOpen: true, seekFrame: 6000 });
    expect(seek(open, null)).toEqual([[3000], 6000, 3060]);
    expect(seek(windowOf([]), null)).toEqual([[], 5500, 2950]);
    expect(seek(windowOf([wordless(3000, 3400)]), null)).toEqual([[3000], 3400, 3400]);
    // A word that ends where the window begins would not let time go on.
    expect(seek(windowOf([segmentOf(word(3000, 3000))]), null)).toEqual([[], 5500, 3000]);
  });

  test('without segments that take no time', () => {
    const window = windowOf([good(3000), segmentOf(word(3100, 3100)), good(3200)]);
    expect(seek(window, null)).toEqual([[3000, 3200], 3260, 3260]);
  });
});

describe('with a threshold of two seconds of silence', () => {
  const SILENCE = 200;

  test('the silence at the end of a window is left out with it', () => {
    expect(seek(windowOf([good(3000), good(5739)]), SILENCE)).toEqual([[3000, 5739], 5799, 5799]);
    expect(seek(windowOf([good(3000), good(5740)]), SILENCE)).toEqual([[3000, 5740], 6000, 5800]);
    const last = { span: { startFrame: 3000, nFrames: 2850 }, contentFrames: 5850 };
    expect(seek(windowOf([good(3000), good(5740)], last), SILENCE)[1]).toBe(5850);
  });

  test('a window that begins with silence and text that looks made up is heard from the text on', () => {
    expect(seek(windowOf([odd(3201), good(4000)]), SILENCE)).toEqual([[], 3201, 2950]);
    // With less silence before it the text stays, since speech follows.
    expect(seek(windowOf([odd(3200), good(3300)]), SILENCE)).toEqual([[3200, 3300], 3360, 3360]);
    // Nothing of this happens without a threshold.
    expect(seek(windowOf([odd(3201), good(4000)]), null)).toEqual([[3201, 4000], 4060, 4060]);
  });

  test('text that looks made up between silences is left out, and heard again from there', () => {
    const window = windowOf([good(3000), odd(3500), good(4000)]);
    expect(seek(window, SILENCE)).toEqual([[3000], 3500, 3060]);
    // Silence on one side alone is not enough.
    expect(seek(windowOf([good(3000), odd(3500), good(3600)]), SILENCE)[0]).toHaveLength(3);
    expect(seek(windowOf([good(3200), odd(3300), good(4000)]), SILENCE)[0]).toHaveLength(3);
    // Segments without words are no speech.
    const between = [good(3000), wordless(3060, 3490), odd(3500), wordless(3560, 3900), good(4000)];
    expect(seek(windowOf(between), SILENCE)).toEqual([[3000, 3060], 3500, 3060]);
  });

  test('what looks made up counts as silence for what comes before it', () => {
    const window = windowOf([good(3000), odd(3500), odd(3570), good(3640)]);
    expect(seek(window, SILENCE)).toEqual([[3000], 3500, 3060]);
  });

  test('the edges of a window count as silence', () => {
    // Less than two seconds after its begin: it is heard again, a second later at the least.
    expect(seek(windowOf([odd(3010), good(4000)]), SILENCE)).toEqual([[], 3100, 2950]);
    expect(seek(windowOf([odd(3150), good(4000)]), SILENCE)).toEqual([[], 3150, 2950]);
    // Less than two seconds before its end.
    expect(seek(windowOf([good(3000), odd(5741)]), SILENCE)).toEqual([[3000], 5741, 3060]);
    expect(seek(windowOf([good(5500), odd(5641)]), SILENCE)[0]).toHaveLength(2);
  });

  test('the start and the end of the recording count as silence', () => {
    const first = { span: { startFrame: 0, nFrames: 3000 }, lastSpeechFrame: 0 };
    expect(seek(windowOf([odd(199), good(500)], first), SILENCE)).toEqual([[], 199, 0]);
    const short = { span: { startFrame: 3000, nFrames: 2000 }, contentFrames: 5000 };
    expect(seek(windowOf([good(3000), odd(4739)], short), SILENCE)).toEqual([[3000], 4739, 3060]);
    expect(seek(windowOf([good(3000), odd(4740)], short), SILENCE)[0]).toHaveLength(2);
    // What is left of the recording is less than a silence, and not worth another window.
    const made = [good(3000), odd(5741)];
    const until = (contentFrames: number) => seek(windowOf(made, { contentFrames }), SILENCE);
    expect(until(6000)).toEqual([[3000], 6000, 3060]);
    expect(until(6001)).toEqual([[3000], 5741, 3060]);
    expect(until(Infinity)).toEqual([[3000], 5741, 3060]);
  });
});

test('time always goes on, and what is kept is a part of the window, in its order', () => {
  const words = fc.array(
    fc.record({
      gapFrames: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 400 })),
      frames: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 300 })),
      probability: fc.constantFrom(0.01, 0.9),
    }),
    { maxLength: 4 },
  );
  const window = fc.record({
    segments: fc.array(words, { maxLength: 5 }),
    startFrame: fc.integer({ min: 0, max: 5000 }),
    pauseFrames: fc.integer({ min: 0, max: 500 }),
    endsOpen: fc.boolean(),
    moreFrames: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 5000 }), fc.constant(Infinity)),
    silenceFrames: fc.oneof(fc.constant(null), fc.integer({ min: 1, max: 500 })),
  });
  fc.assert(
    fc.property(window, ({ startFrame, silenceFrames, ...made }) => {
      const limit = startFrame + 3000;
      let reached = startFrame;
      const segments = made.segments.map((each) => {
        const said = each.map(({ gapFrames, frames, probability }) => {
          const begin = Math.min(reached + gapFrames, limit);
          reached = Math.min(begin + frames, limit);
          return word(begin, reached, probability);
        });
        return said.length > 0 ? segmentOf(...said) : wordless(reached, reached);
      });
      const spoken: SpokenWindow = {
        segments,
        span: { startFrame, nFrames: 3000 },
        seekFrame: made.endsOpen ? limit : Math.max(startFrame + 2, reached),
        endsOpen: made.endsOpen,
        lastSpeechFrame: Math.max(0, startFrame - made.pauseFrames),
        contentFrames: limit + made.moreFrames,
      };
      const result = seekByWords(spoken, silenceFrames);
      expect(result.seekFrame).toBeGreaterThan(startFrame);
      expect(result.seekFrame).toBeLessThan(Infinity);
      expect(result.lastSpeechFrame).toBeGreaterThanOrEqual(spoken.lastSpeechFrame);
      const indices = result.segments.map((segment) => segments.indexOf(segment));
      expect(indices).toEqual([...indices].sort((a, b) => a - b));
      expect(indices).not.toContain(-1);
      // What is kept is not heard again.
      for (const { endFrame } of result.segments) {
        expect(endFrame).toBeLessThanOrEqual(result.seekFrame);
      }
    }),
    { numRuns: 500 },
  );
});
