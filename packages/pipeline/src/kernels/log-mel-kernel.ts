/**
 * Hosts `log-mel.as.ts`: instantiates it on pooled memory and writes the tables that it reads. Where
 * WebAssembly has no SIMD it hosts `log-mel-plain.ts`.
 */

import { readFile } from 'node:fs/promises';
import type { SharedMemory, Slab } from '@amanuensis/pool';
import {
  HOP_SAMPLES,
  N_FFT,
  SAMPLE_RATE_HZ,
  WINDOW_FRAMES,
  WINDOW_SAMPLES,
} from '../hyperparameters.ts';
import { KernelError } from './kernel-error.ts';
import { PlainLogMel } from './log-mel-plain.ts';
import { melFilterbank } from './mel-filterbank.ts';

/** Frames that the kernel computes together: slices begin and end at multiples of it. */
export const BATCH_FRAMES = 8;

/** The same from `src` and from `dist`; `npm run build:wasm` compiles it. */
const WASM = new URL('../../dist/kernels/log-mel.wasm', import.meta.url);

const F32_BYTES = 4;
const PAGE_BYTES = 4096;
const TRANSFORM_BYTES = N_FFT * 2 * 4 * F32_BYTES; // complex, four lanes
const SPAN_BYTES = (N_FFT + (BATCH_FRAMES - 1) * HOP_SAMPLES) * F32_BYTES;
/** Triangles overlap by half, so a bin has a weight in two filters at most. */
const MAX_WEIGHTS = 2 * (N_FFT / 2 + 1);

interface LogMelExports {
  logMelFrames(
    pcm: number,
    nSamples: number,
    out: number,
    nFrames: number,
    nMels: number,
    window: number,
    roots: number,
    filters: number,
    weights: number,
    scratch: number,
    from: number,
    to: number,
  ): number;
  normalise(values: number, length: number, greatest: number): void;
}

// Part of every Node.js, but not of the type libraries in use.
declare const WebAssembly: {
  validate(bytes: Uint8Array): boolean;
  instantiate(
    bytes: Uint8Array,
    imports: { readonly env: { readonly memory: SharedMemory } },
  ): Promise<{ readonly instance: { readonly exports: unknown } }>;
};

type Compute = Pick<PlainLogMel, 'frames' | 'normalise'>;

/** How a spectrogram is computed: with SIMD in single precision, or plainly in double precision. */
export type LogMelArithmetic = 'simd' | 'plain';

/** One instance serves all jobs of a process: nothing of a call outlives it but what it wrote. */
export class LogMelKernel {
  readonly nMels: number;
  readonly arithmetic: LogMelArithmetic;
  readonly #buffer: SharedArrayBuffer;
  readonly #compute: Compute;

  private constructor(slab: Slab, nMels: number, arithmetic: LogMelArithmetic, compute: Compute) {
    this.nMels = nMels;
    this.arithmetic = arithmetic;
    this.#buffer = slab.buffer;
    this.#compute = compute;
  }

  /** Bytes that the kernel takes of the slab for its tables and scratch, in whole pages. */
  static memoryBytes(nMels: number): number {
    return Math.ceil(layoutFrom(0, nMels).end / PAGE_BYTES) * PAGE_BYTES;
  }

  /**
   * Settles in a slab, where the slots that it is to work on lie as well.
   *
   * @param arithmetic SIMD unless given, or unless this machine's WebAssembly has none.
   * @throws KernelError `invalid_buffer` when the slab is no WebAssembly.Memory; PoolError
   *   `slab_full` when it has no room for {@link memoryBytes}.
   */
  static async create(
    slab: Slab,
    nMels: number,
    arithmetic?: LogMelArithmetic,
  ): Promise<LogMelKernel> {
    const { memory, buffer } = slab;
    if (memory === null) throw new KernelError('the log-mel kernel needs a WebAssembly.Memory');
    const offset = slab.reserve(LogMelKernel.memoryBytes(nMels));
    const wasm = await readFile(WASM);
    const chosen = arithmetic ?? (WebAssembly.validate(wasm) ? 'simd' : 'plain');
    const compute =
      chosen === 'simd'
        ? await simdLogMel(wasm, memory, layoutFrom(offset, nMels), nMels)
        : new PlainLogMel(buffer, nMels);
    return new LogMelKernel(slab, nMels, chosen, compute);
  }

  /** @throws KernelError `invalid_buffer` unless `view` is `length` float32 in the kernel's memory. */
  check(view: Float32Array, length: number, what: string): void {
    if (!(view instanceof Float32Array)) throw new KernelError(`${what} must be a Float32Array`);
    if (view.length !== length) {
      throw new KernelError(`${what} has ${view.length} elements instead of ${length}`);
    }
    if (view.buffer !== this.#buffer) {
      throw new KernelError(`${what} does not lie in the kernel's memory`);
    }
  }

  /**
   * Writes the log10 mel energies of the frames [fromFrame, toFrame) and answers the greatest.
   *
   * @param pcm [480000] f32, checked by the caller.
   * @param out [nMels, 3000] f32, written at these columns, checked by the caller.
   */
  frames(pcm: Float32Array, out: Float32Array, fromFrame: number, toFrame: number): number {
    return this.#compute.frames(
      pcm.byteOffset,
      WINDOW_SAMPLES,
      out.byteOffset,
      WINDOW_FRAMES,
      fromFrame,
      toFrame,
    );
  }

  /** Brings the elements [from, to), multiples of 4, of log10 energies into the model's range. */
  normalise(out: Float32Array, from: number, to: number, greatest: number): void {
    this.#compute.normalise(out.byteOffset + from * F32_BYTES, to - from, greatest);
  }
}

async function simdLogMel(
  wasm: Uint8Array,
  memory: SharedMemory,
  layout: Layout,
  nMels: number,
): Promise<Compute> {
  const { instance } = await WebAssembly.instantiate(wasm, { env: { memory } });
  const { logMelFrames, normalise } = instance.exports as LogMelExports;
  writeTables(memory.buffer, layout, nMels);
  const { window, roots, filters, weights, scratch } = layout;
  return {
    frames: (pcm, nSamples, out, nFrames, from, to) =>
      logMelFrames(
        pcm,
        nSamples,
        out,
        nFrames,
        nMels,
        window,
        roots,
        filters,
        weights,
        scratch,
        from,
        to,
      ),
    normalise,
  };
}

interface Layout {
  readonly window: number;
  readonly roots: number;
  readonly filters: number;
  readonly weights: number;
  readonly scratch: number;
  readonly end: number;
}

function layoutFrom(byteOffset: number, nMels: number): Layout {
  const window = byteOffset; // [400] f32
  const roots = window + N_FFT * F32_BYTES; // [400, 2] f32
  const filters = roots + N_FFT * 2 * F32_BYTES; // [nMels, 2] i32
  const weights = filters + nMels * 2 * F32_BYTES; // [<= 402] f32
  const scratch = Math.ceil((weights + MAX_WEIGHTS * F32_BYTES) / 64) * 64;
  return {
    window,
    roots,
    filters,
    weights,
    scratch,
    end: scratch + 2 * TRANSFORM_BYTES + SPAN_BYTES,
  };
}

/** All in double precision, rounded once when it is stored. */
function writeTables(buffer: ArrayBufferLike, layout: Layout, nMels: number): void {
  const window = new Float32Array(buffer, layout.window, N_FFT);
  const roots = new Float32Array(buffer, layout.roots, N_FFT * 2);
  for (let i = 0; i < N_FFT; i++) {
    const angle = (2 * Math.PI * i) / N_FFT;
    window[i] = 0.5 - 0.5 * Math.cos(angle); // periodic Hann
    roots[2 * i] = Math.cos(angle);
    roots[2 * i + 1] = Math.sin(angle);
  }
  const rows = new Int32Array(buffer, layout.filters, nMels * 2);
  const weights = new Float32Array(buffer, layout.weights, MAX_WEIGHTS);
  let count = 0;
  for (const [index, filter] of melFilterbank(SAMPLE_RATE_HZ, N_FFT, nMels).entries()) {
    rows.set([filter.firstBin, filter.weights.length], 2 * index);
    weights.set(filter.weights, count);
    count += filter.weights.length;
  }
}
