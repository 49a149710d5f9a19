/** One lane of the decoder: the memory of one recording's window, bound to the graphs that use it. */

import type { Binding, InferenceSession, Tensor, TensorData } from '../inference/inference-port.ts';
import type { LaneLayout } from '../model/lane-layout.ts';

export interface DecoderSessions {
  readonly crossAttention: InferenceSession;
  readonly decoderStep: InferenceSession;
}

export class DecoderLane implements Disposable {
  /** Logits of the last step, [vocabSize] f32. */
  readonly logits: Float32Array;
  readonly #token: Int32Array;
  readonly #position: Int32Array;
  readonly #tensors: ReadonlyMap<string, Tensor>;
  readonly #sessions: DecoderSessions;
  readonly #step: Binding;
  /** By the hidden states' view: a lane meets few slots of `encoder_output`. */
  readonly #fillers = new Map<TensorData, Binding>();

  /** @param memory a `kv_cache` slot, `layout.elements` f32. */
  constructor(memory: Float32Array, layout: LaneLayout, sessions: DecoderSessions) {
    const words = new Int32Array(memory.buffer, memory.byteOffset, memory.length);
    const tensors = new Map<string, Tensor>();
    for (const [name, { offset, size, shape }] of layout.regions) {
      const ofWords = name === 'token' || name === 'position';
      const data = (ofWords ? words : memory).subarray(offset, offset + size);
      tensors.set(name, { data, shape });
    }
    this.#tensors = tensors;
    this.#sessions = sessions;
    this.#token = this.#tensor('token').data as Int32Array;
    this.#position = this.#tensor('position').data as Int32Array;
    this.logits = this.#tensor('logits').data as Float32Array;
    this.#step = this.#bindStep();
  }

  /**
   * Computes the cross-attention keys and values of a window.
   *
   * @param hiddenStates [1500, dModel] f32.
   */
  async fill(hiddenStates: Tensor, signal: AbortSignal): Promise<void> {
    let filler = this.#fillers.get(hiddenStates.data);
    if (filler === undefined) {
      const { crossAttention } = this.#sessions;
      const fetches = Object.fromEntries(
        crossAttention.outputs.map(({ name }) => [name, this.#tensor(name)]),
      );
      filler = crossAttention.bind({ hidden_states: hiddenStates }, fetches);
      this.#fillers.set(hiddenStates.data, filler);
    }
    await filler.run({ signal });
  }

  /** Feeds `token` at `position` (0 for the first); {@link logits} are those of the next token. */
  async step(token: number, position: number, signal: AbortSignal): Promise<void> {
    this.#token[0] = token;
    this.#position[0] = position;
    await this.#step.run({ signal });
  }

  [Symbol.dispose](): void {
    this.#step[Symbol.dispose]();
    for (const filler of this.#fillers.values()) filler[Symbol.dispose]();
    this.#fillers.clear();
  }

  #bindStep(): Binding {
    const { decoderStep } = this.#sessions;
    const feeds = decoderStep.inputs.map(({ name }) => [name, this.#tensor(name)]);
    const fetches = decoderStep.outputs.map(({ name }) => [
      name,
      this.#tensor(name.replace(/^new_/, '')),
    ]);
    return decoderStep.bind(Object.fromEntries(feeds), Object.fromEntries(fetches));
  }

  #tensor(name: string): Tensor {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) throw new RangeError(`a lane has no tensor ${name}`);
    return tensor;
  }
}
