/** The log-mel kernel against spectrograms computed in float64, on pooled memory, among other jobs. */

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  type LogMelArithmetic,
  LogMelKernel,
} from '../../packages/pipeline/src/kernels/log-mel-kernel.ts';
import { melFilterbank } from '../../packages/pipeline/src/kernels/mel-filterbank.ts';
import { pcmToMel } from '../../packages/pipeline/src/pcm-to-mel.ts';
import { BufferPool, Slab, slabBytesFor } from '../../packages/pool/src/index.ts';
import { hasShared, SHARED } from '../support/paths.ts';

const GOLDENS = new URL('../fixtures/goldens/', import.meta.url);
const DIST_KERNELS = new URL('../../packages/pipeline/dist/kernels/', import.meta.url);
const NEVER = new AbortController().signal;
const WAV_HEADER_BYTES = 44;

interface Bench {
  readonly kernel: LogMelKernel;
  readonly audio: BufferPool<'float32'>;
  readonly mel: BufferPool<'float32'>;
  readonly slab: Slab;
}

async function benchOf(nMels: number, arithmetic?: LogMelArithmetic): Promise<Bench> {
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
  const kernel = await LogMelKernel.create(slab, nMels, arithmetic);
  return {
    slab,
    kernel,
    audio: BufferPool.create({ ...audio, slab }),
    mel: BufferPool.create({ ...mel, slab }),
  };
}

let bench: Bench;
let plain: Bench;
beforeAll(async () => {
  bench = await benchOf(80);
  plain = await benchOf(80, 'plain');
});

async function compare(on: Bench, recording: URL, golden: URL): Promise<number> {
  const { greatest, mean } = differenceOf(
    await melOf(on, await readPcm(recording)),
    await readF32(golden),
  );
  expect(greatest).toBeLessThanOrEqual(1e-3);
  expect(mean).toBeLessThanOrEqual(1e-5);
  return greatest;
}

test.each([
  ['jfk.wav', 'mel-jfk.f32'],
  ['noise-pcm.f32', 'mel-noise.f32'],
])('equals the float64 spectrogram of %s', async (recording, golden) => {
  await compare(bench, new URL(recording, GOLDENS), new URL(golden, GOLDENS));
});

// The file keeps it in single precision.
test.each([
  ['jfk.wav', 'mel-jfk.f32'],
  ['noise-pcm.f32', 'mel-noise.f32'],
])('is the float64 spectrogram of %s in plain JavaScript', async (recording, golden) => {
  const greatest = await compare(plain, new URL(recording, GOLDENS), new URL(golden, GOLDENS));
  expect(greatest).toBeLessThan(1e-6);
});

test.skipIf(!hasShared('goldens'))(
  'equals the float64 spectrogram of libri.wav (skipped without it)',
  async () => {
    const folder = pathToFileURL(join(SHARED, 'goldens/'));
    for (const on of [bench, plain]) {
      await compare(on, new URL('libri.wav', folder), new URL('mel-libri.f32', folder));
    }
  },
);

describe.each([80, 128])('with %i mels', (nMels) => {
  test('equals a direct transform in double precision', async () => {
    const pcm = await readPcm(new URL('jfk.wav', GOLDENS));
    pcm.copyWithin(480_000 - 16_000, 48_000, 64_000); // something to mirror at the end, too
    const frames = [0, 1, 2, 3, 700, 1501, 2990, 2996, 2997, 2998, 2999];
    const expected = frames.map((frame) => log10MelOfFrame(pcm, frame, nMels));
    for (const arithmetic of ['simd', 'plain'] as const) {
      const mel = await melOf(await benchOf(nMels, arithmetic), pcm);
      // Both are brought into range by the window's own maximum.
      const greatest = mel.reduce((max, value) => Math.max(max, value)) * 4 - 4;
      const tolerance = arithmetic === 'simd' ? 1e-3 : 1e-6;
      for (const [i, frame] of frames.entries()) {
        for (let m = 0; m < nMels; m++) {
          const direct = (Math.max(expected[i]?.[m] ?? Number.NaN, greatest - 8) + 4) / 4;
          const found = mel[m * 3000 + frame] ?? Number.NaN;
          expect(Math.abs(found - direct)).toBeLessThan(tolerance);
        }
      }
    }
  });

  test('gives the same with SIMD as in plain JavaScript, of any sound', async () => {
    const [simd, twin] = [await benchOf(nMels, 'simd'), await benchOf(nMels, 'plain')];
    expect([simd.kernel.arithmetic, twin.kernel.arithmetic]).toEqual(['simd', 'plain']);
    for (const [name, pcm] of Object.entries(await sounds())) {
      const difference = differenceOf(await melOf(simd, pcm), await melOf(twin, pcm));
      // Where next to nothing is left of a tone, single precision leaves less.
      expect([name, difference.greatest < 2e-3]).toEqual([name, true]);
      expect([name, difference.mean < 2e-5]).toEqual([name, true]);
    }
  });
});

test.skipIf(process.arch !== 'x64')(
  'runs in plain JavaScript where WebAssembly has no SIMD',
  async () => {
    const kernelModule = new URL('log-mel-kernel.js', DIST_KERNELS).href;
    const script = `
      const { LogMelKernel } = await import(${JSON.stringify(kernelModule)});
      const { Slab } = await import('@amanuensis/pool');
      const kernel = await LogMelKernel.create(Slab.allocate(1 << 20), 80);
      console.log(kernel.arithmetic);`;
    const args = ['--no-enable-sse4-1', '--input-type=module', '-e', script];
    const cwd = fileURLToPath(DIST_KERNELS);
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd });
    expect(stdout).toBe('plain\n');
    expect(bench.kernel.arithmetic).toBe('simd');
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

/** Speech, noise, tones, a click, and what no recording should be. */
async function sounds(): Promise<Record<string, Float32Array>> {
  const of = (sample: (i: number) => number) =>
    Float32Array.from({ length: 480_000 }, (_, i) => sample(i));
  return {
    speech: await readPcm(new URL('jfk.wav', GOLDENS)),
    noise: await readPcm(new URL('noise-pcm.f32', GOLDENS)),
    silence: of(() => 0),
    tone: of((i) => 0.5 * Math.sin((2 * Math.PI * 440 * i) / 16_000)),
    sweep: of((i) => 0.5 * Math.sin((Math.PI * 8000 * i * i) / (16_000 * 480_000))),
    click: of((i) => (i === 240_001 ? 1 : 0)),
    constant: of(() => 0.3),
    'full scale': of((i) => (i % 40 < 20 ? 1 : -1)),
    faint: of((i) => 1e-5 * Math.sin(i)),
  };
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
