/** The frames that Silero reads: each with the samples before it. */

import { VAD_FRAME_SAMPLES } from './voice-activity-detector.ts';

/** Samples of the frame before that a frame begins with (Silero VAD from version 5 on, at 16 kHz). */
export const CONTEXT_SAMPLES = 64;

/**
 * ```
 * pcm        ···──┬───────────────┬───────────────┬──···
 *                 │     512       │     512       │
 * frame i       [64│     512     ]
 * frame i+1                     [64│     512     ]
 * ```
 */
export class SileroFrames {
  /** [nFrames, 64 + 512] row-major f32. */
  readonly data: Float32Array;
  readonly #nFrames: number;
  // [64] f32: the end of what was read before; zeros at the start of a recording.
  readonly #context = new Float32Array(CONTEXT_SAMPLES);

  constructor(nFrames: number) {
    this.#nFrames = nFrames;
    this.data = new Float32Array(nFrames * (CONTEXT_SAMPLES + VAD_FRAME_SAMPLES));
  }

  /** Takes the samples of `pcm` from `from` on, which follow those of the call before. */
  fill(pcm: Float32Array, from: number): void {
    let at = 0;
    for (let frame = 0; frame < this.#nFrames; frame++) {
      const start = from + frame * VAD_FRAME_SAMPLES;
      for (let i = 0; i < CONTEXT_SAMPLES; i++) {
        const before = frame === 0 ? this.#context[i] : pcm[start - CONTEXT_SAMPLES + i];
        this.data[at++] = before ?? 0;
      }
      for (let i = 0; i < VAD_FRAME_SAMPLES; i++) this.data[at++] = pcm[start + i] ?? 0;
    }
    const end = from + this.#nFrames * VAD_FRAME_SAMPLES;
    for (let i = 0; i < CONTEXT_SAMPLES; i++) {
      this.#context[i] = pcm[end - CONTEXT_SAMPLES + i] ?? 0;
    }
  }
}
