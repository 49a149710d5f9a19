/** A window along a recording, and a clip of it: every sample once, in its place, whatever is asked. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ClipSource } from '../../packages/pipeline/src/audio/clip-source.ts';
import { PcmWindow } from '../../packages/pipeline/src/audio/pcm-window.ts';
import { HOP_SAMPLES, WINDOW_SAMPLES } from '../../packages/pipeline/src/hyperparameters.ts';
import { CountingSource } from '../support/scripted-speech.ts';

const NEVER = new AbortController().signal;
const slot = new Float32Array(WINDOW_SAMPLES);
const MAX_SAMPLES = 3 * WINDOW_SAMPLES;

/** Each sample of the source is its own number, counted from 1. */
function holds(firstSample: number, nSamples: number): boolean {
  return slot.every((value, i) => value === (i < nSamples ? firstSample + i + 1 : 0));
}

test('a window holds what lies at its start, however it is moved', async () => {
  const length = fc.integer({ min: 0, max: MAX_SAMPLES });
  const steps = fc.array(fc.integer({ min: 0, max: 4500 }), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(length, steps, async (nSamples, moves) => {
      const window = new PcmWindow(new CountingSource(nSamples), slot);
      let frame = 0;
      for (const move of [0, ...moves]) {
        frame += move;
        await window.seekTo(frame, NEVER);
        const nFrames = await window.fill(NEVER);
        const first = frame * HOP_SAMPLES;
        const held = Math.max(0, Math.min(WINDOW_SAMPLES, nSamples - first));
        expect(window.startFrame).toBe(frame);
        expect(nFrames).toBe(Math.round(held / HOP_SAMPLES));
        expect(holds(first, held)).toBe(true);
      }
    }),
    { numRuns: 30 },
  );
});

test('a window does not go back', async () => {
  const window = new PcmWindow(new CountingSource(MAX_SAMPLES), slot);
  await window.seekTo(100, NEVER);
  await window.seekTo(50, NEVER);
  await window.fill(NEVER);
  expect(window.startFrame).toBe(100);
  expect(holds(100 * HOP_SAMPLES, WINDOW_SAMPLES)).toBe(true);
});

test('a window over a slot ends with it', async () => {
  slot.forEach((_, i) => {
    slot[i] = i + 1;
  });
  const window = PcmWindow.over(slot, 1000 * HOP_SAMPLES, 700);
  expect(window.isLast).toBe(true);
  expect(await window.fill(NEVER)).toBe(1000);
  await window.seekTo(900, NEVER);
  expect(await window.fill(NEVER)).toBe(800);
  expect(holds(200 * HOP_SAMPLES, 800 * HOP_SAMPLES)).toBe(true);
});

test('clips hold what lies between their ends, and leave the rest to those after them', async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 5 });
  const gaps = fc.array(fc.integer({ min: 0, max: 9000 }), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(fc.nat(40_000), gaps, sizes, fc.nat(9), async (nSamples, ends, reads, at) => {
      const source = new CountingSource(nSamples);
      let edge = 0;
      for (let clip = 0; clip + 1 < ends.length; clip += 2) {
        const startSample = edge + (ends[clip] ?? 0);
        const endSample = startSample + (ends[clip + 1] ?? 0);
        edge = endSample;
        const read: number[] = [];
        const part = new ClipSource(source, { startSample, endSample });
        const out = new Float32Array(5020);
        for (let i = 0; ; i++) {
          const size = reads[i % reads.length] ?? 1;
          out.fill(-7);
          const count = await part.read(out, NEVER, at, at + size);
          read.push(...out.subarray(at, at + count));
          expect(out[at - 1] ?? -7).toBe(-7);
          expect(out[at + size]).toBe(-7);
          if (count < size) break;
        }
        const expected = Math.max(0, Math.min(endSample, nSamples) - startSample);
        expect(read).toEqual(Array.from({ length: expected }, (_, i) => startSample + i + 1));
      }
    }),
    { numRuns: 100 },
  );
});
