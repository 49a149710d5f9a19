/** Log-mel spectrogram → the encoder's hidden states, from slot to slot. */

import type { Binding, InferenceSession, Tensor, TensorData } from './inference/inference-port.ts';

/** Runs the encoder on pooled memory; a pair of slots is bound once, at its first meeting. */
export class Encoder implements Disposable {
  readonly #session: InferenceSession;
  /** By the views of the `encoder_output` slot and the `mel` slot. */
  readonly #bindings = new Map<TensorData, Map<TensorData, Binding>>();

  constructor(session: InferenceSession) {
    this.#session = session;
  }

  bindingOf(mel: Tensor, out: Tensor): Binding {
    const ofOut = this.#bindings.get(out.data) ?? new Map<TensorData, Binding>();
    this.#bindings.set(out.data, ofOut);
    const binding = ofOut.get(mel.data) ?? this.#session.bind({ mel }, { hidden_states: out });
    ofOut.set(mel.data, binding);
    return binding;
  }

  [Symbol.dispose](): void {
    for (const ofOut of this.#bindings.values()) {
      for (const binding of ofOut.values()) binding[Symbol.dispose]();
    }
    this.#bindings.clear();
  }
}

/**
 * @param mel [1, nMels, 3000] f32.
 * @param out [1500, dModel] f32, written.
 * @throws InferenceError `aborted` when `signal` fires.
 */
export async function melToHiddenStates(
  encoder: Encoder,
  mel: Tensor,
  out: Tensor,
  signal: AbortSignal,
): Promise<void> {
  await encoder.bindingOf(mel, out).run({ signal });
}
