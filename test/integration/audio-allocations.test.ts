/** Once a recording is under way, no window of it makes a typed array: neither memory nor a view. */

// First, since modules may keep constructors in tables of their own.
import '../support/typed-array-allocations.ts';

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ClipSource } from '../../packages/pipeline/src/audio/clip-source.ts';
import { PcmWindow } from '../../packages/pipeline/src/audio/pcm-window.ts';
import { audioToPcm, type PcmSource } from '../../packages/pipeline/src/audio-to-pcm.ts';
import { LogMelKernel } from '../../packages/pipeline/src/kernels/log-mel-kernel.ts';
import { pcmToMel } from '../../packages/pipeline/src/pcm-to-mel.ts';
import { BufferPool, Slab, slabBytesFor } from '../../packages/pool/src/index.ts';
import { SAMPLES } from '../support/paths.ts';
import { typedArraysMadeBy } from '../support/typed-array-allocations.ts';

const NEVER = new AbortController().signal;
const OPTIONS = { maxDurationSeconds: 3600, signal: NEVER };
const AUDIO = {
  name: 'audio',
  elementType: 'float32',
  shape: [480_000],
  initial: 1,
  max: 1,
} as const;
const MEL = { name: 'mel', elementType: 'float32', shape: [80, 3000], initial: 1, max: 1 } as const;

test('the count sees what is made by the product, and by nobody else', async () => {
  const made = await typedArraysMadeBy(() => {
    new Float32Array(1).subarray(0, 1);
    Slab.allocate(1);
    new Slab(new SharedArrayBuffer(8));
    // A pool makes one view for each of its slots.
    BufferPool.create({ ...AUDIO, slab: Slab.allocate(slabBytesFor([AUDIO])) }).acquire('test');
  });
  expect(made.length).toBeGreaterThan(0);
  for (const { where } of made) expect(where).toMatch(/\/packages\/pool\/src\//);
  expect(made.map(({ what }) => what)).toContain('Float32Array');
});

describe.each(['simd', 'plain'] as const)('with the %s kernel', (arithmetic) => {
  let kernel: LogMelKernel;
  let pcm: Float32Array;
  let mel: Float32Array;
  let source: PcmSource;
  beforeAll(async () => {
    const bytes = LogMelKernel.memoryBytes(80) + slabBytesFor([AUDIO, MEL]);
    const slab = Slab.allocate(bytes);
    kernel = await LogMelKernel.create(slab, 80, arithmetic);
    pcm = BufferPool.create({ ...AUDIO, slab }).acquire('test').view;
    mel = BufferPool.create({ ...MEL, slab }).acquire('test').view;
    source = await audioToPcm(join(SAMPLES, 'call.wav'), OPTIONS);
  });
  afterAll(() => source[Symbol.asyncDispose]());

  test('windows from the pipe to the spectrogram', async () => {
    const clip = new ClipSource(source, {
      startSample: 16_000,
      endSample: Number.POSITIVE_INFINITY,
    });
    const window = new PcmWindow(clip, pcm, 100);
    const step = async (): Promise<number> => {
      const nFrames = await window.fill(NEVER);
      await pcmToMel(pcm, mel, kernel, NEVER);
      // A window that ends in the middle of what was read, and at an odd place.
      await window.seekTo(window.startFrame + 1733, NEVER);
      return nFrames;
    };
    // The first read of a slot makes its view.
    const first = await typedArraysMadeBy(step);
    expect(first.length).toBeLessThanOrEqual(1);
    const made = await typedArraysMadeBy(async () => {
      for (let i = 0; i < 4; i++) expect(await step()).toBe(3000);
    });
    expect(made).toEqual([]);
  });
});
