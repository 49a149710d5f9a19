import { beforeAll, expect, test } from 'vitest';
import { readGenerationConfig } from '../../packages/pipeline/src/model/whisper-config.ts';
import { WhisperTokenizer } from '../../packages/pipeline/src/tokenizer/whisper-tokenizer.ts';
import { tokensToSegments } from '../../packages/pipeline/src/tokens-to-segments.ts';
import { DEMO_MODEL } from '../support/paths.ts';

let tokenizer: WhisperTokenizer;
beforeAll(async () => {
  tokenizer = await WhisperTokenizer.open(DEMO_MODEL, await readGenerationConfig(DEMO_MODEL));
});

/** The token of a time in seconds. */
const at = (seconds: number): number => tokenizer.firstTimestamp + Math.round(seconds / 0.02);
/** ` Good`, ` morning` and `.` of the demonstration model. */
const GOOD_MORNING = [835, 960, 13];
const FULL = { startFrame: 1000, nFrames: 3000 };

function cut(tokens: number[], span = FULL) {
  const { segments, consumedFrames } = tokensToSegments(tokens, span, tokenizer);
  const spans = segments.map(({ startFrame, endFrame, text }) => [startFrame, endFrame, text]);
  return { spans, consumedFrames };
}

test('the next window begins at the end of the last closed segment', () => {
  const tokens = [at(0), ...GOOD_MORNING, at(2), at(3), ...GOOD_MORNING, at(5), at(5), 835];
  expect(cut(tokens)).toEqual({
    spans: [
      [1000, 1200, ' Good morning.'],
      [1300, 1500, ' Good morning.'],
    ],
    consumedFrames: 500,
  });
});

test('a window that ends with text and one timestamp is consumed whole', () => {
  const tokens = [at(0), ...GOOD_MORNING, at(2), at(3), ...GOOD_MORNING, at(5)];
  const { spans, consumedFrames } = cut(tokens);
  expect(spans.at(-1)).toEqual([1300, 1500, ' Good morning.']);
  expect(consumedFrames).toBe(3000);
});

test('without a pair the window is one segment, to its last timestamp or its end', () => {
  expect(cut([at(0), ...GOOD_MORNING, at(4)])).toEqual({
    spans: [[1000, 1400, ' Good morning.']],
    consumedFrames: 3000,
  });
  expect(cut([at(0), ...GOOD_MORNING], { startFrame: 1000, nFrames: 700 })).toEqual({
    spans: [[1000, 1700, ' Good morning.']],
    consumedFrames: 700,
  });
});

test('a window is never consumed beyond its end', () => {
  const tokens = [at(0), ...GOOD_MORNING, at(2), at(3), ...GOOD_MORNING, at(25), at(25)];
  expect(cut(tokens, { startFrame: 0, nFrames: 300 }).consumedFrames).toBe(300);
});

test('a segment without text is left out, and its time is still consumed', () => {
  expect(cut([at(0), ...GOOD_MORNING, at(2), at(2), at(4), at(4)])).toEqual({
    spans: [[1000, 1200, ' Good morning.']],
    consumedFrames: 400,
  });
});

test('a window of nothing gives no segment and is consumed whole, so that time goes on', () => {
  expect(cut([])).toEqual({ spans: [], consumedFrames: 3000 });
  expect(cut([at(0), at(0)])).toEqual({ spans: [], consumedFrames: 3000 });
});

test('what a model hears behind the end of the audio was said before it, in its order', () => {
  const times = [at(0), at(2), at(2.5), at(3.5), at(3.5), at(4), at(5), at(6)];
  const tokens = [0, 2, 4, 6].flatMap((i) => [times[i] ?? 0, ...GOOD_MORNING, times[i + 1] ?? 0]);
  const { spans } = cut(tokens, { startFrame: 1000, nFrames: 300 });
  expect(spans.map(([start, end]) => [start, end])).toEqual([
    [1000, 1200],
    [1250, 1296],
    [1296, 1298],
    [1298, 1300],
  ]);
  const open = cut([at(0), ...GOOD_MORNING, at(4)], { startFrame: 1000, nFrames: 300 });
  expect(open.spans).toEqual([[1000, 1300, ' Good morning.']]);
});
