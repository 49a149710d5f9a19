/** Words in their segments: what is cut where a sentence or a segment begins or ends, and order. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addWordTimes,
  type WordTimesOptions,
} from '../../packages/pipeline/src/alignment/add-word-times.ts';
import type { TimedWord } from '../../packages/pipeline/src/alignment/timed-word.ts';
import type { FrameSegment } from '../../packages/pipeline/src/tokens-to-segments.ts';

const END_OF_TEXT = 1000;
const TIMESTAMP = 1001;
const OPTIONS: WordTimesOptions = {
  span: { startFrame: 0, nFrames: 3000 },
  lastSpeechFrame: 0,
  endOfText: END_OF_TEXT,
  prepended: '"\'“¿([{-',
  appended: '"\'.。,，!！?？:：”)]}、',
};

/** Words of a token each, from frame to frame. */
const said = (...words: readonly (readonly [string, number, number])[]): TimedWord[] =>
  words.map(([word, startFrame, endFrame], index) => ({
    word,
    tokens: [index],
    startFrame,
    endFrame,
    probability: 1,
  }));

/** A segment of so many text tokens between two timestamps. */
const segment = (startFrame: number, endFrame: number, nText: number): FrameSegment => ({
  startFrame,
  endFrame,
  text: ' text',
  tokens: [TIMESTAMP, ...Array<number>(nText).fill(0), TIMESTAMP],
  firstToken: 0,
});

function timed(
  segments: readonly FrameSegment[],
  words: readonly TimedWord[],
  options: Partial<WordTimesOptions> = {},
) {
  return addWordTimes(segments, words, { ...OPTIONS, ...options }).map((part) => ({
    span: [part.startFrame, part.endFrame],
    words: part.words.map(({ word, startFrame, endFrame }) => [word, startFrame, endFrame]),
  }));
}

describe('words go to their segments', () => {
  test('which take the times from their first word to their last', () => {
    const words = said([' Good', 4, 30], [' morning', 30, 60], ['.', 60, 66], [' Bye', 90, 120]);
    expect(timed([segment(0, 70, 3), segment(80, 130, 1)], words)).toEqual([
      {
        span: [4, 60],
        words: [
          [' Good', 4, 30],
          [' morning.', 30, 60],
        ],
      },
      { span: [90, 120], words: [[' Bye', 90, 120]] },
    ]);
  });

  test('by their first token, and no other segment loses any', () => {
    const words: TimedWord[] = [
      { word: ' one', tokens: [1], startFrame: 0, endFrame: 20, probability: 1 },
      { word: ' twothree', tokens: [2, 3, 4], startFrame: 20, endFrame: 40, probability: 1 },
      { word: ' four', tokens: [5], startFrame: 40, endFrame: 60, probability: 1 },
      { word: ' five', tokens: [6], startFrame: 60, endFrame: 80, probability: 1 },
    ];
    const segments = [
      segment(0, 24, 2),
      segment(24, 30, 1),
      segment(30, 60, 2),
      segment(60, 80, 1),
    ];
    expect(timed(segments, words)).toEqual([
      {
        span: [0, 40],
        words: [
          [' one', 0, 20],
          [' twothree', 20, 40],
        ],
      },
      // Its only token is inside a word that began before it: there is no time left for it.
      { span: [40, 40], words: [] },
      { span: [40, 60], words: [[' four', 40, 60]] },
      { span: [60, 80], words: [[' five', 60, 80]] },
    ]);
  });

  test('and segments stay as they are where no word could be timed', () => {
    expect(timed([segment(10, 20, 3)], [])).toEqual([{ span: [10, 20], words: [] }]);
    expect(timed([], [])).toEqual([]);
  });
});

describe('what lasts longer than twice the usual is cut', () => {
  // In each case the median is 20 frames.
  const USUAL = said(
    [' a', 0, 20],
    [' b', 20, 40],
    [' c', 40, 60],
    [' d', 60, 80],
    [' e', 80, 100],
  );

  test('at the end of a sentence, and where the next one begins', () => {
    const words = [...USUAL, ...said(['.', 100, 200], [' Next', 200, 300], [' f', 300, 400])];
    // The mark itself is not seen in a word's times; that it is cut moves nothing.
    expect(timed([segment(0, 400, 8)], words)[0]?.words.slice(4)).toEqual([
      [' e.', 80, 100],
      [' Next', 260, 300],
      [' f', 300, 400],
    ]);
    // A mark that begins a window has no word to join.
    const alone = [...said(['!', 0, 2], ['?', 2, 90]), ...said([' a', 90, 110], [' b', 110, 130])];
    expect(timed([segment(0, 130, 4)], alone, { appended: '' })[0]?.words[1]).toEqual([
      '?',
      2,
      2 + 2 * 20,
    ]);
  });

  test('after a pause, the first word', () => {
    const words = said([' a', 0, 200], [' b', 200, 220], [' c', 220, 240], [' d', 240, 260]);
    expect(timed([segment(160, 260, 4)], words)[0]).toEqual({
      span: [160, 260],
      words: [
        [' a', 160, 200],
        [' b', 200, 220],
        [' c', 220, 240],
        [' d', 240, 260],
      ],
    });
  });

  test('after a pause, the first two words', () => {
    const words = said(
      [' a', 0, 100],
      [' b', 100, 200],
      [' c', 200, 220],
      [' d', 220, 240],
      [' e', 240, 260],
    );
    expect(timed([segment(120, 260, 5)], words)[0]?.words.slice(0, 3)).toEqual([
      [' a', 120, 160],
      [' b', 160, 200],
      [' c', 200, 220],
    ]);
  });

  test('not where speech went on until then', () => {
    const words = said([' a', 1000, 1078], [' b', 1078, 1098], [' c', 1098, 1118]);
    const segments = [segment(1000, 1118, 3)];
    const span = { startFrame: 1000, nFrames: 3000 };
    // Its end lies within four usual lengths of the last word before.
    expect(timed(segments, words, { span, lastSpeechFrame: 998 })[0]?.words[0]).toEqual([
      ' a',
      1000,
      1078,
    ]);
    expect(timed(segments, words, { span, lastSpeechFrame: 990 })[0]?.words[0]).toEqual([
      ' a',
      1038,
      1078,
    ]);
  });
});

describe('a segment is believed', () => {
  // The usual length is at most 70 frames, so that nothing here is long after a pause.
  const long = (from: number): TimedWord[] =>
    said([' a', from, from + 130], [' b', from + 130, from + 260]);

  test('where its first word begins half a second before it', () => {
    expect(timed([segment(52, 260, 2)], long(0))[0]?.words[0]).toEqual([' a', 52, 130]);
    expect(timed([segment(50, 260, 2)], long(0))[0]?.words[0]).toEqual([' a', 0, 130]);
    // The word keeps its usual length, and the segment begins with it.
    expect(timed([segment(100, 260, 2)], long(0))[0]).toMatchObject({
      span: [60, 260],
      words: [
        [' a', 60, 130],
        [' b', 130, 260],
      ],
    });
  });

  test('where its last word ends half a second after it', () => {
    expect(timed([segment(0, 208, 2)], long(0))[0]?.words[1]).toEqual([' b', 130, 208]);
    expect(timed([segment(0, 210, 2)], long(0))[0]?.words[1]).toEqual([' b', 130, 260]);
    expect(timed([segment(0, 140, 2)], long(0))[0]).toMatchObject({
      span: [0, 200],
      words: [
        [' a', 0, 130],
        [' b', 130, 200],
      ],
    });
  });
});

describe('words are in order', () => {
  test('and none is given its usual length over its neighbour', () => {
    // Believing the first segment would let its word end at 125, 70 frames after it begins.
    const words = said(
      [' a', 0, 55],
      [' b', 55, 112],
      [' c', 112, 182],
      [' d', 182, 252],
      [' e', 252, 322],
      [' f', 322, 392],
    );
    const parts = timed([segment(0, 58, 2), segment(112, 392, 4)], words);
    expect(parts[0]?.words[1]).toEqual([' b', 55, 125]);
    expect(parts[1]?.words[0]).toEqual([' c', 125, 182]);
    expect(parts.map(({ span }) => span)).toEqual([
      [0, 125],
      [125, 392],
    ]);
  });

  const words = fc.array(
    fc.record({
      text: fc.constantFrom(' a', ' b', 'c', '.', ',', '?', ' "', ' (', '"', ' ', ''),
      nTokens: fc.integer({ min: 1, max: 3 }),
      columns: fc.oneof(
        fc.constantFrom(0, 1, 27, 28, 29),
        fc.integer({ min: 0, max: 40 }),
        fc.integer({ min: 0, max: 400 }),
      ),
    }),
    { maxLength: 20 },
  );
  const window = fc.record({
    words,
    /** Text tokens of each segment; what is left over is the last one's. */
    sizes: fc.array(fc.integer({ min: 1, max: 8 }), { maxLength: 5 }),
    /** By how much each timestamp differs from where the words are. */
    shifts: fc.array(fc.integer({ min: -200, max: 200 }), { minLength: 12, maxLength: 12 }),
    startFrame: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 10_000 })),
    nFrames: fc.oneof(fc.constant(3000), fc.integer({ min: 2, max: 3000 })),
    pauseFrames: fc.integer({ min: 0, max: 500 }),
  });

  test('inside their segment and window, whatever their times were', () => {
    fc.assert(
      fc.property(window, ({ startFrame, nFrames, pauseFrames, ...made }) => {
        const aligned = alignedWords(made.words, startFrame, nFrames);
        const segments = segmentsOf(aligned, made.sizes, made.shifts, startFrame);
        const lastSpeechFrame = Math.max(0, startFrame - pauseFrames);
        const span = { startFrame, nFrames };
        const parts = addWordTimes(segments, aligned, { ...OPTIONS, span, lastSpeechFrame });

        const text = parts.flatMap((part) => part.words.map(({ word }) => word)).join('');
        expect(text).toBe(aligned.map(({ word }) => word).join(''));
        expect(parts.map(({ tokens }) => tokens)).toEqual(segments.map(({ tokens }) => tokens));
        let reached = lastSpeechFrame;
        for (const part of parts) {
          expect(part.startFrame).toBeGreaterThanOrEqual(reached);
          expect(part.endFrame).toBeGreaterThanOrEqual(part.startFrame);
          reached = part.startFrame;
          for (const word of part.words) {
            expect(word.startFrame).toBeGreaterThanOrEqual(reached);
            expect(word.endFrame).toBeGreaterThanOrEqual(word.startFrame);
            expect(Number.isInteger(word.startFrame) && Number.isInteger(word.endFrame)).toBe(true);
            reached = word.endFrame;
          }
          if (part.words.length > 0) expect(reached).toBe(part.endFrame);
          reached = part.endFrame;
        }
        if (parts.some((part) => part.words.length > 0)) {
          expect(reached).toBeLessThanOrEqual(startFrame + nFrames);
        }
      }),
      { numRuns: 500 },
    );
  });
});

/** As alignment gives them: each begins at an audio position where the one before ends. */
function alignedWords(
  made: readonly { readonly text: string; readonly nTokens: number; readonly columns: number }[],
  startFrame: number,
  nFrames: number,
): TimedWord[] {
  const nColumns = Math.floor(nFrames / 2);
  let column = 0;
  return made.map(({ text, nTokens, columns }) => {
    const first = column;
    column = Math.min(column + columns, nColumns);
    return {
      word: text,
      tokens: Array<number>(nTokens).fill(0),
      startFrame: startFrame + 2 * first,
      endFrame: startFrame + 2 * column,
      probability: 0.5,
    };
  });
}

/** Segments that hold all tokens, with timestamps in order and not quite where the words are. */
function segmentsOf(
  words: readonly TimedWord[],
  sizes: readonly number[],
  shifts: readonly number[],
  startFrame: number,
): FrameSegment[] {
  const begins = words.flatMap(({ tokens, startFrame: frame }) => tokens.map(() => frame));
  const segments: FrameSegment[] = [];
  let first = 0;
  let reached = startFrame;
  for (const [index, size] of [...sizes, begins.length].entries()) {
    const nText = Math.min(size, begins.length - first);
    if (nText === 0) break;
    const at = (token: number, shift: number): number =>
      Math.max(reached, (begins[token] ?? words.at(-1)?.endFrame ?? 0) + 2 * (shifts[shift] ?? 0));
    const begin = at(first, 2 * index);
    reached = begin + 2;
    first += nText;
    reached = at(first, 2 * index + 1);
    segments.push(segment(begin, reached, nText));
  }
  return segments;
}
