/** A recording whose every sample tells where it is, and a detector that is told where speech lies. */

import type { Warning } from '@amanuensis/contract';
import type { PcmSource } from '../../packages/pipeline/src/audio-to-pcm.ts';
import { SAMPLE_RATE_HZ } from '../../packages/pipeline/src/hyperparameters.ts';
import {
  VAD_BATCH_FRAMES,
  type VoiceActivityDetector,
} from '../../packages/pipeline/src/voice-activity/voice-activity-detector.ts';

/** Sample i is i + 1, which float32 holds exactly up to 17 minutes; 0 is none of them. */
export class CountingSource implements PcmSource {
  readonly declaredDurationSeconds = null;
  readonly warnings: readonly Warning[] = [];
  samplesRead = 0;
  isClosed = false;
  readonly #nSamples: number;

  constructor(nSamples: number) {
    this.#nSamples = nSamples;
  }

  get durationSeconds(): number {
    return this.samplesRead / SAMPLE_RATE_HZ;
  }

  async read(out: Float32Array, signal: AbortSignal, begin = 0, end = out.length): Promise<number> {
    signal.throwIfAborted();
    const count = Math.min(end - begin, this.#nSamples - this.samplesRead);
    for (let i = 0; i < count; i++) out[begin + i] = this.samplesRead + i + 1;
    this.samplesRead += count;
    return count;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isClosed = true;
  }
}

export class ScriptedDetector implements VoiceActivityDetector {
  isClosed = false;
  readonly #probabilities: readonly number[];
  #frame = 0;

  /** @param probabilities of all frames; those behind them are silent. */
  constructor(probabilities: readonly number[]) {
    this.#probabilities = probabilities;
  }

  async detect(_pcm: Float32Array, out: Float32Array, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    for (let i = 0; i < VAD_BATCH_FRAMES; i++) out[i] = this.#probabilities[this.#frame++] ?? 0;
  }

  [Symbol.dispose](): void {
    this.isClosed = true;
  }
}
