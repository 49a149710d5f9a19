/** Silero as one graph over a sequence of frames: a batch is one run. */

import type { Binding, InferenceSession, Tensor } from '../inference/inference-port.ts';
import { CONTEXT_SAMPLES, SileroFrames } from './silero-frames.ts';
import { fadeAfterSilence } from './silero-state.ts';
import {
  VAD_BATCH_FRAMES,
  VAD_FRAME_SAMPLES,
  type VoiceActivityDetector,
} from './voice-activity-detector.ts';

/** Of the hidden state, and of the cell state, of the LSTM. */
const STATE_SIZE = 128;

/**
 * Inputs `input` [frames, 576], `h` and `c` [1, 1, 128]; outputs `speech_probs` [frames], `hn` and
 * `cn` (github.com/SYSTRAN/faster-whisper, pull request 1373).
 */
export class SileroSequenceDetector implements VoiceActivityDetector {
  readonly #frames = new SileroFrames(VAD_BATCH_FRAMES);
  readonly #h = stateTensor();
  readonly #c = stateTensor();
  readonly #states = [this.#h.data, this.#c.data];
  readonly #nextH = stateTensor();
  readonly #nextC = stateTensor();
  // [32] f32
  readonly #probabilities = new Float32Array(VAD_BATCH_FRAMES);
  readonly #binding: Binding;

  constructor(session: InferenceSession) {
    const shape = [VAD_BATCH_FRAMES, CONTEXT_SAMPLES + VAD_FRAME_SAMPLES];
    this.#binding = session.bind(
      { input: { data: this.#frames.data, shape }, h: this.#h, c: this.#c },
      {
        speech_probs: { data: this.#probabilities, shape: [VAD_BATCH_FRAMES] },
        hn: this.#nextH,
        cn: this.#nextC,
      },
    );
  }

  async detect(pcm: Float32Array, out: Float32Array, signal: AbortSignal): Promise<void> {
    this.#frames.fill(pcm, 0);
    await this.#binding.run({ signal });
    this.#h.data.set(this.#nextH.data);
    this.#c.data.set(this.#nextC.data);
    fadeAfterSilence(this.#states, this.#probabilities);
    out.set(this.#probabilities);
  }

  [Symbol.dispose](): void {
    this.#binding[Symbol.dispose]();
  }
}

function stateTensor(): Tensor & { readonly data: Float32Array } {
  return { data: new Float32Array(STATE_SIZE), shape: [1, 1, STATE_SIZE] };
}
