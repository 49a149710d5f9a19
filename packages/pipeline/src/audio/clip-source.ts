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
  readonly #span: ClipSpan;

  /** @param span begins where nothing has been read yet. */
  constructor(source: PcmSource, span: ClipSpan) {
    this.#source = source;
    this.#span = span;
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

  async read(out: Float32Array, signal: AbortSignal): Promise<number> {
    const { startSample, endSample } = this.#span;
    for (
      let left = startSample - this.samplesRead;
      left > 0;
      left = startSample - this.samplesRead
    ) {
      const before = left < out.length ? out.subarray(0, left) : out;
      if ((await this.#source.read(before, signal)) < before.length) return 0;
    }
    const left = endSample - this.samplesRead;
    if (left <= 0) return 0;
    return this.#source.read(left < out.length ? out.subarray(0, left) : out, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
