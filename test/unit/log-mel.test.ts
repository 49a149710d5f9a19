/** The log-mel kernel against spectrograms computed in float64, on pooled memory, among other jobs. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { LogMelKernel } from '../../packages/pipeline/src/kernels/log-mel-kernel.ts';
import { melFilterbank } from '../../packages/pipeline/src/kernels/mel-filterbank.ts';
import { pcmToMel } from '../../packages/pipeline/src/pcm-to-mel.ts';
import { BufferPool, Slab, slabBytesFor } from '../../packages/pool/src/index.ts';
import { hasShared, SHARED } from '../support/paths.ts';

const GOLDENS = new URL('../fixtures/goldens/', import.meta.url);
const NEVER = new AbortController().signal;
const WAV_HEADER_BYTES = 44;

interface Bench {
  readonly kernel: LogMelKernel;
  readonly audio: BufferPool<'float32'>;
  readonly mel: BufferPool<'float32'>;
  readonly slab: Slab;
}

async function benchOf(nMels: number): Promise<Bench> {
  const audio = {
    name: 'audio',
    elementType: 'float32',
    shape: [480_000],
    initial: 0,
    max: 3,
  } as const;
  const mel = {
    name: 'mel',
    elementType: 'float32',
    shape: [nMels, 3000],
    initial: 0,
    max: 3,
  } as const;
  const slab = Slab.allocate(LogMelKernel.memoryBytes(nMels) + slabBytesFor([audio, mel]));
  const kernel = await LogMelKernel.create(slab, nMels);
  return {
    slab,
    kernel,
    audio: BufferPool.create({ ...audio, slab }),
    mel: BufferPool.create({ ...mel, slab }),
  };
}

let bench: Bench;
beforeAll(async () => {
  bench = await benchOf(80);
});

async function compare(recording: URL, golden: URL): Promise<void> {
  const { greatest, mean } = differenceOf(
    await melOf(bench, await readPcm(recording)),
    await readF32(golden),
  );
  expect(greatest).toBeLessThanOrEqual(1e-3);
  expect(mean).toBeLessThanOrEqual(1e-5);
}

test.each([
  ['jfk.wav', 'mel-jfk.f32'],
  ['noise-pcm.f32', 'mel-noise.f32'],
])('equals the float64 spectrogram of %s', async (recording, golden) => {
  await compare(new URL(recording, GOLDENS), new URL(golden, GOLDENS));
});

test.skipIf(!hasShared('goldens'))(
  'equals the float64 spectrogram of libri.wav (skipped without it)',
  async () => {
    const folder = pathToFileURL(join(SHARED, 'goldens/'));
    await compare(new URL('libri.wav', folder), new URL('mel-libri.f32', folder));
  },
);

test.each([80, 128])(
  'equals a direct transform in double precision with %i mels',
  async (nMels) => {
    const pcm = await readPcm(new URL('jfk.wav', GOLDENS));
    pcm.copyWithin(480_000 - 16_000, 48_000, 64_000); // something to mirror at the end, too
    const mel = await melOf(nMels === 80 ? bench : await benchOf(nMels), pcm);
    const frames = [0, 1, 2, 3, 700, 1501, 2990, 2996, 2997, 2998, 2999];
    const expected = frames.map((frame) => log10MelOfFrame(pcm, frame, nMels));
    // Both are brought into range by the window's own maximum.
    const greatest = mel.reduce((max, value) => Math.max(max, value)) * 4 - 4;
    for (const [i, frame] of frames.entries()) {
      for (let m = 0; m < nMels; m++) {
        const direct = (Math.max(expected[i]?.[m] ?? Number.NaN, greatest - 8) + 4) / 4;
        expect(Math.abs((mel[m * 3000 + frame] ?? Number.NaN) - direct)).toBeLessThan(1e-3);
      }
    }
  },
);

test('gives a constant for silence', async () => {
  const mel = await melOf(bench, new Float32Array(480_000));
  expect(new Set(mel).size).toBe(1);
  expect(mel[0]).toBeCloseTo((-10 + 4) / 4, 6);
});

test('keeps interleaved jobs on one kernel apart, and writes nothing but its slot', async () => {
  const jfk = await readPcm(new URL('jfk.wav', GOLDENS));
  const noise = await readPcm(new URL('noise-pcm.f32', GOLDENS));
  const alone = [await melOf(bench, jfk), await melOf(bench, noise)];
  const pcms = [jfk, noise].map((pcm) => {
    const lease = bench.audio.acquire('pcm');
    lease.view.set(pcm);
    return lease;
  });
  const mels = [0, 1, 2].map(() => bench.mel.acquire('mel'));
  const [a, b, bystander] = mels.map(({ view }) => view.fill(-7)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  await Promise.all([
    pcmToMel(pcms[0]?.view as Float32Array, a, bench.kernel, NEVER),
    pcmToMel(pcms[1]?.view as Float32Array, b, bench.kernel, NEVER),
  ]);
  expect(differenceOf(a, alone[0] as Float32Array).greatest).toBe(0);
  expect(differenceOf(b, alone[1] as Float32Array).greatest).toBe(0);
  expect(bystander.every((value) => value === -7)).toBe(true);
  for (const lease of [...pcms, ...mels]) lease.release();
});

test('lets the event loop round between slices, however many jobs run', async () => {
  using pcm = bench.audio.acquire('pcm');
  pcm.view.fill(0.1);
  using first = bench.mel.acquire('mel');
  using second = bench.mel.acquire('mel');
  let isDone = false;
  let rounds = 0;
  const count = (): void => {
    rounds++;
    if (!isDone) setImmediate(count);
  };
  setImmediate(count);
  await Promise.all([
    pcmToMel(pcm.view, first.view, bench.kernel, NEVER),
    pcmToMel(pcm.view, second.view, bench.kernel, NEVER),
  ]);
  isDone = true;
  expect(rounds).toBeGreaterThanOrEqual(2 * 8);
});

test('stops between slices when it is aborted', async () => {
  using pcm = bench.audio.acquire('pcm');
  using mel = bench.mel.acquire('mel');
  pcm.view.fill(0);
  mel.view.fill(-7);
  const reason = new Error('stop');
  const abort = new AbortController();
  const run = pcmToMel(pcm.view, mel.view, bench.kernel, abort.signal);
  setImmediate(() => abort.abort(reason));
  await expect(run).rejects.toBe(reason);
  expect(mel.view.at(-1)).toBe(-7);
});

describe('refuses memory that does not fit', () => {
  const refused = expect.objectContaining({ code: 'invalid_buffer' });

  test.each([
    ['out too small', (mel: Float32Array) => mel.subarray(1)],
    [
      'out of another type',
      (mel: Float32Array) => new Int32Array(mel.buffer, mel.byteOffset, 240_000),
    ],
    ['out elsewhere', () => new Float32Array(240_000)],
  ])('%s', async (_, change) => {
    using pcm = bench.audio.acquire('pcm');
    using mel = bench.mel.acquire('mel');
    mel.view.fill(-7);
    const out = change(mel.view) as Float32Array;
    await expect(pcmToMel(pcm.view, out, bench.kernel, NEVER)).rejects.toThrow(refused);
    expect(mel.view.every((value) => value === -7)).toBe(true);
  });

  test('pcm of another length', async () => {
    using pcm = bench.audio.acquire('pcm');
    using mel = bench.mel.acquire('mel');
    const short = pcm.view.subarray(0, 479_999);
    await expect(pcmToMel(short, mel.view, bench.kernel, NEVER)).rejects.toThrow(refused);
  });

  test('a slab that is no WebAssembly.Memory', async () => {
    const slab = new Slab(new SharedArrayBuffer(1 << 20));
    await expect(LogMelKernel.create(slab, 80)).rejects.toThrow(refused);
  });
});

async function melOf({ kernel, audio, mel }: Bench, samples: Float32Array): Promise<Float32Array> {
  using pcm = audio.acquire('pcm');
  using out = mel.acquire('mel');
  pcm.view.set(samples);
  await pcmToMel(pcm.view, out.view, kernel, NEVER);
  return out.view.slice();
}

/** The definition, slowly: mirror, window, transform, filter, logarithm. */
function log10MelOfFrame(pcm: Float32Array, frame: number, nMels: number): number[] {
  const at = (index: number): number => {
    const mirrored = Math.abs(index);
    return pcm[mirrored < pcm.length ? mirrored : 2 * (pcm.length - 1) - mirrored] ?? Number.NaN;
  };
  const turn = (2 * Math.PI) / 400;
  const windowed = Array.from(
    { length: 400 },
    (_, n) => at(frame * 160 - 200 + n) * (0.5 - 0.5 * Math.cos(turn * n)),
  );
  const power = Array.from({ length: 201 }, (_, k) => {
    let [re, im] = [0, 0];
    for (const [n, value] of windowed.entries()) {
      re += value * Math.cos(turn * k * n);
      im -= value * Math.sin(turn * k * n);
    }
    return re * re + im * im;
  });
  return melFilterbank(16_000, 400, nMels).map(({ firstBin, weights }) => {
    const energy = weights.reduce((sum, w, i) => sum + w * (power[firstBin + i] ?? Number.NaN), 0);
    return Math.log10(Math.max(energy, 1e-10));
  });
}

function differenceOf(actual: Float32Array, expected: Float32Array) {
  expect(actual.length).toBe(expected.length);
  let [greatest, sum] = [0, 0];
  for (const [i, value] of actual.entries()) {
    const difference = Math.abs(value - (expected[i] ?? Number.NaN));
    if (!(difference <= greatest)) greatest = difference;
    sum += difference;
  }
  return { greatest, mean: sum / expected.length };
}

/** 16-bit mono WAV or raw f32, zero-padded to a window. */
async function readPcm(url: URL): Promise<Float32Array> {
  const pcm = new Float32Array(480_000);
  if (url.pathname.endsWith('.f32')) pcm.set(await readF32(url));
  else {
    const { buffer, byteOffset, byteLength } = await readFile(url);
    const end = byteOffset + byteLength;
    const words = new Int16Array(buffer.slice(byteOffset + WAV_HEADER_BYTES, end));
    for (const [i, word] of words.entries()) pcm[i] = word / 32_768;
  }
  return pcm;
}

async function readF32(url: URL): Promise<Float32Array> {
  const { buffer, byteOffset, byteLength } = await readFile(url);
  return new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength));
}
