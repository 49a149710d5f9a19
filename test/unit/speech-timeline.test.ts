/** Times in what is left of a recording, and in the recording. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SpeechTimeline } from '../../packages/pipeline/src/voice-activity/speech-timeline.ts';

function timelineOf(pieces: readonly (readonly [start: number, nSamples: number])[]) {
  const timeline = new SpeechTimeline();
  for (const [start, nSamples] of pieces) timeline.append(start, nSamples);
  return timeline;
}

const padding = (samples: number) => ({
  paddingBeforeSamples: samples,
  paddingAfterSamples: samples,
});

/** Samples 100 to 199, 500 to 549 and 1000 to 1299: [0, 100), [100, 150), [150, 450) of what is left. */
const THREE = [
  [100, 100],
  [500, 50],
  [1000, 300],
] as const;

describe('by hand', () => {
  const timeline = timelineOf(THREE);

  test('speech to recording', () => {
    expect([0, 99, 100, 149, 150, 449].map((s) => timeline.toRecording(s))).toEqual([
      100, 199, 500, 549, 1000, 1299,
    ]);
    expect(timeline.nSamples).toBe(450);
  });

  test('beyond the end time goes on', () => {
    expect(timeline.toRecording(450)).toBe(1300);
    expect(timeline.toRecording(500)).toBe(1350);
  });

  test('recording to speech; silence is where the next piece begins', () => {
    expect(
      [0, 100, 199, 200, 499, 500, 549, 550, 1000, 1299].map((s) => timeline.toSpeech(s)),
    ).toEqual([0, 0, 99, 100, 100, 100, 149, 150, 150, 449]);
    expect(timeline.toSpeech(5000)).toBe(450);
  });

  test('pieces that follow each other are one', () => {
    const joined = timelineOf([
      [100, 50],
      [150, 0],
      [150, 50],
    ]);
    expect(joined.toRecordingSpan(40, 60, padding(20))).toEqual({ start: 140, end: 160 });
  });

  test('without pieces it answers what it is asked', () => {
    const empty = new SpeechTimeline();
    expect([empty.toRecording(7), empty.toSpeech(7), empty.nSamples]).toEqual([7, 0, 0]);
    expect(empty.toRecordingSpan(3, 9, padding(2))).toEqual({ start: 3, end: 9 });
  });
});

describe('a span of text, with padding of 10', () => {
  const timeline = timelineOf(THREE);
  test.each([
    ['inside a piece', 10, 60, 110, 160],
    ['up to the very end of a piece', 10, 100, 110, 200],
    ['from the very begin of a piece', 100, 140, 500, 540],
    ['over a silence', 60, 140, 160, 540],
    ['over two silences', 60, 300, 160, 1150],
    ['begins in the padding of the piece before', 95, 140, 500, 540],
    ['ends in the padding of the piece behind', 60, 105, 160, 200],
    ['lies in the padding on both sides', 95, 105, 500, 505],
    ['begins in a padding, ends in the next', 95, 155, 500, 550],
    ['is empty between two pieces', 100, 100, 500, 500],
  ])('that %s', (_what, start, end, recordingStart, recordingEnd) => {
    const span = timeline.toRecordingSpan(start, end, padding(10));
    expect(span).toEqual({ start: recordingStart, end: recordingEnd });
  });
});

/** Pieces of a recording, in order and apart. */
const anyPieces = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 500 })), {
    minLength: 1,
    maxLength: 20,
  })
  .map((gaps) => {
    let at = 0;
    return gaps.map(([silence, nSamples]) => {
      const start = at + silence;
      at = start + nSamples;
      return [start, nSamples] as const;
    });
  });

describe('of any pieces', () => {
  test('sample for sample what was appended, and back', () => {
    fc.assert(
      fc.property(anyPieces, (pieces) => {
        const timeline = timelineOf(pieces);
        let at = 0;
        for (const [start, nSamples] of pieces) {
          for (const i of [0, nSamples >> 1, nSamples - 1]) {
            expect(timeline.toRecording(at + i)).toBe(start + i);
            expect(timeline.toSpeech(start + i)).toBe(at + i);
          }
          at += nSamples;
        }
        expect(timeline.nSamples).toBe(at);
      }),
    );
  });

  test('both ways are monotonic, and silence leads to the next piece', () => {
    fc.assert(
      fc.property(anyPieces, fc.integer({ min: 0 }), fc.integer({ min: 0 }), (pieces, a, b) => {
        const timeline = timelineOf(pieces);
        const [low, high] = [Math.min(a, b) % 12_000, Math.max(a, b) % 12_000].toSorted(
          (x, y) => x - y,
        ) as [number, number];
        expect(timeline.toRecording(high) - timeline.toRecording(low)).toBeGreaterThanOrEqual(
          high - low,
        );
        expect(timeline.toSpeech(high)).toBeGreaterThanOrEqual(timeline.toSpeech(low));
        const [lastStart, lastLength] = pieces.at(-1) ?? [0, 0];
        if (high < lastStart + lastLength) {
          expect(timeline.toRecording(timeline.toSpeech(high))).toBeGreaterThanOrEqual(high);
        }
      }),
    );
  });

  test('a span of text never turns round, nor grows shorter than what was heard in one piece', () => {
    fc.assert(
      fc.property(
        anyPieces,
        fc.nat(8000),
        fc.nat(2000),
        fc.nat(40),
        (pieces, start, length, around) => {
          const timeline = timelineOf(pieces);
          const span = timeline.toRecordingSpan(start, start + length, padding(around));
          expect(span.end).toBeGreaterThanOrEqual(span.start);
          expect(span.start).toBeGreaterThanOrEqual(timeline.toRecording(start));
          expect(span.end).toBeLessThanOrEqual(timeline.toRecording(start + length));
        },
      ),
    );
  });
});
