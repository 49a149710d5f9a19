/** Log-mel spectrogram → the encoder's hidden states, from slot to slot. */

import type { Binding, InferenceSession, Tensor } from './inference/inference-port.ts';

/** Runs the encoder on pooled memory; a pair of slots is bound once, at its first meeting. */
export class Encoder implements Disposable {
  readonly #session: InferenceSession;
  readonly #bindings = new Map<string, Binding>();

  constructor(session: InferenceSession) {
    this.#session = session;
  }

  bindingOf(mel: Tensor, out: Tensor): Binding {
    const key = `${mel.data.byteOffset}>${out.data.byteOffset}`;
    const known = this.#bindings.get(key);
    if (known !== undefined) return known;
    const binding = this.#session.bind({ mel }, { hidden_states: out });
    this.#bindings.set(key, binding);
    return binding;
  }

  [Symbol.dispose](): void {
    for (const binding of this.#bindings.values()) binding[Symbol.dispose]();
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
