/**
 * What `log-mel.as.ts` computes, in plain JavaScript and double precision: the twin that it is
 * compared with, and what runs where WebAssembly has no SIMD. It takes some eight times as long.
 *
 * Two real frames share one complex transform, as its real and its imaginary part.
 */

import { HOP_SAMPLES, N_FFT, SAMPLE_RATE_HZ } from '../hyperparameters.ts';
import { Transform400 } from './log-mel-transform.ts';
import { melFilterbank } from './mel-filterbank.ts';

const N_BINS = N_FFT / 2 + 1;
const HALF_SAMPLES = N_FFT / 2;
/** Energies below count as this. */
const FLOOR = 1e-10;
const F32_BYTES = 4;

/** Allocates nothing once it has been created. */
export class PlainLogMel {
  /** All of the memory that the slots lie in. */
  readonly #memory: Float32Array;
  readonly #nMels: number;
  // [400]
  readonly #window = Float64Array.from({ length: N_FFT }, (_, i) => hann(i));
  // [nMels, 2]: first bin and number of bins of each filter
  readonly #filters: Int32Array;
  readonly #weights: Float64Array;
  readonly #transform = new Transform400();
  // [201, 2]: of both frames
  readonly #power = new Float64Array(N_BINS * 2);

  constructor(buffer: ArrayBufferLike, nMels: number) {
    this.#memory = new Float32Array(buffer);
    this.#nMels = nMels;
    const filters = melFilterbank(SAMPLE_RATE_HZ, N_FFT, nMels);
    this.#filters = Int32Array.from(filters.flatMap((f) => [f.firstBin, f.weights.length]));
    this.#weights = Float64Array.from(filters.flatMap((f) => [...f.weights]));
  }

  /**
   * Frames [from, to), an even number of them, as log10 of their mel energies; answers the greatest.
   *
   * @param pcm byte offset of [nSamples] f32.
   * @param out byte offset of [nMels, nFrames] f32, row-major, written at the columns [from, to).
   */
  frames(
    pcm: number,
    nSamples: number,
    out: number,
    nFrames: number,
    from: number,
    to: number,
  ): number {
    let greatest = Number.NEGATIVE_INFINITY;
    for (let frame = from; frame < to; frame += 2) {
      this.#gather(pcm / F32_BYTES, nSamples, frame * HOP_SAMPLES - HALF_SAMPLES);
      this.#transform.run();
      this.#square();
      greatest = Math.max(greatest, this.#mel(out / F32_BYTES + frame, nFrames));
    }
    return greatest;
  }

  /** (max(x, greatest - 8) + 4) / 4 over `length` values at a byte offset. */
  normalise(values: number, length: number, greatest: number): void {
    const begin = values / F32_BYTES;
    for (let at = begin; at < begin + length; at++) {
      this.#memory[at] = (Math.max(this.#memory[at], greatest - 8) + 4) / 4;
    }
  }

  /** Windowed samples of two frames; those beyond either end are mirrored at the end's sample. */
  #gather(pcm: number, nSamples: number, begin: number): void {
    const memory = this.#memory;
    const window = this.#window;
    const { values } = this.#transform;
    for (let n = 0; n < N_FFT; n++) {
      const first = mirror(begin + n, nSamples);
      const second = mirror(begin + HOP_SAMPLES + n, nSamples);
      values[2 * n] = window[n] * memory[pcm + first];
      values[2 * n + 1] = window[n] * memory[pcm + second];
    }
  }

  /** 4 |even|² = |Z[k] + conj Z[400-k]|², 4 |odd|² = |Z[k] - conj Z[400-k]|². */
  #square(): void {
    const { values } = this.#transform;
    const power = this.#power;
    for (let k = 0; k < N_BINS; k++) {
      const a = 2 * k;
      const b = k === 0 ? 0 : 2 * (N_FFT - k);
      const evenRe = values[a] + values[b];
      const evenIm = values[a + 1] - values[b + 1];
      const oddRe = values[a + 1] + values[b + 1];
      const oddIm = values[b] - values[a];
      power[a] = (evenRe * evenRe + evenIm * evenIm) / 4;
      power[a + 1] = (oddRe * oddRe + oddIm * oddIm) / 4;
    }
  }

  /** Weighs the bins of both frames by each filter, into two columns. */
  #mel(column: number, nFrames: number): number {
    const filters = this.#filters;
    const weights = this.#weights;
    const power = this.#power;
    let greatest = Number.NEGATIVE_INFINITY;
    let weight = 0;
    for (let m = 0; m < this.#nMels; m++) {
      let bin = 2 * filters[2 * m];
      let even = 0;
      let odd = 0;
      for (const end = weight + filters[2 * m + 1]; weight < end; weight++) {
        even += weights[weight] * power[bin];
        odd += weights[weight] * power[bin + 1];
        bin += 2;
      }
      const first = Math.log10(Math.max(even, FLOOR));
      const second = Math.log10(Math.max(odd, FLOOR));
      greatest = Math.max(greatest, first, second);
      this.#memory[column + m * nFrames] = first;
      this.#memory[column + m * nFrames + 1] = second;
    }
    return greatest;
  }
}

/** Periodic. */
function hann(index: number): number {
  return 0.5 - 0.5 * Math.cos((2 * Math.PI * index) / N_FFT);
}

function mirror(index: number, nSamples: number): number {
  const positive = index < 0 ? -index : index;
  return positive < nSamples ? positive : 2 * (nSamples - 1) - positive;
}
