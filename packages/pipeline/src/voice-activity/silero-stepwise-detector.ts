/** Silero as it is published: a run is one frame. */

import { SAMPLE_RATE_HZ } from '../hyperparameters.ts';
import type { Binding, InferenceSession } from '../inference/inference-port.ts';
import { CONTEXT_SAMPLES, SileroFrames } from './silero-frames.ts';
import { fadeAfterSilence } from './silero-state.ts';
import {
  VAD_BATCH_FRAMES,
  VAD_FRAME_SAMPLES,
  type VoiceActivityDetector,
} from './voice-activity-detector.ts';

const STATE_SHAPE = [2, 1, 128];
const STATE_SIZE = 256;

/**
 * Inputs `input` [1, 576], `state` [2, 1, 128] and `sr`, a scalar; outputs `output` [1, 1] and
 * `stateN` (github.com/snakers4/silero-vad, versions 5 and 6). 0.16 to 0.37 ms a frame.
 */
export class SileroStepwiseDetector implements VoiceActivityDetector {
  readonly #frame = new SileroFrames(1);
  // [2, 1, 128] f32
  readonly #state = new Float32Array(STATE_SIZE);
  readonly #nextState = new Float32Array(STATE_SIZE);
  readonly #states = [this.#state];
  // [1, 1] f32
  readonly #probability = new Float32Array(1);
  readonly #binding: Binding;

  constructor(session: InferenceSession) {
    this.#binding = session.bind(
      {
        input: { data: this.#frame.data, shape: [1, CONTEXT_SAMPLES + VAD_FRAME_SAMPLES] },
        state: { data: this.#state, shape: STATE_SHAPE },
        sr: { data: BigInt64Array.of(BigInt(SAMPLE_RATE_HZ)), shape: [] },
      },
      {
        output: { data: this.#probability, shape: [1, 1] },
        stateN: { data: this.#nextState, shape: STATE_SHAPE },
      },
    );
  }

  async detect(pcm: Float32Array, out: Float32Array, signal: AbortSignal): Promise<void> {
    for (let frame = 0; frame < VAD_BATCH_FRAMES; frame++) {
      this.#frame.fill(pcm, frame * VAD_FRAME_SAMPLES);
      await this.#binding.run({ signal });
      this.#state.set(this.#nextState);
      out[frame] = this.#probability[0] ?? 0;
    }
    fadeAfterSilence(this.#states, out);
  }

  [Symbol.dispose](): void {
    this.#binding[Symbol.dispose]();
  }
}
