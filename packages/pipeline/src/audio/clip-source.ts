/** A part of a recording, as if it were all of it. */

import type { Warning } from '@amanuensis/contract';
import type { PcmSource } from '../audio-to-pcm.ts';

/** In samples from the start of the recording; Infinity for its end. */
export interface ClipSpan {
  readonly startSample: number;
  readonly endSample: number;
}

/** Disposing it leaves the recording open for the clips after it. */
export class ClipSource implements PcmSource {
  readonly #source: PcmSource;
  readonly #startSample: number;
  readonly #endSample: number;

  /** @param span begins where nothing has been read yet. */
  constructor(source: PcmSource, { startSample, endSample }: ClipSpan) {
    this.#source = source;
    this.#startSample = startSample;
    this.#endSample = endSample;
  }

  get declaredDurationSeconds(): number | null {
    return this.#source.declaredDurationSeconds;
  }

  get durationSeconds(): number {
    return this.#source.durationSeconds;
  }

  get samplesRead(): number {
    return this.#source.samplesRead;
  }

  get warnings(): readonly Warning[] {
    return this.#source.warnings;
  }

  async read(out: Float32Array, signal: AbortSignal, begin = 0, end = out.length): Promise<number> {
    if (begin >= end) return 0;
    // What lies before the clip goes where the clip will be.
    while (this.samplesRead < this.#startSample) {
      const nSamples = Math.min(this.#startSample - this.samplesRead, end - begin);
      if ((await this.#source.read(out, signal, begin, begin + nSamples)) < nSamples) return 0;
    }
    const nSamples = Math.min(this.#endSample - this.samplesRead, end - begin);
    return nSamples > 0 ? this.#source.read(out, signal, begin, begin + nSamples) : 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
