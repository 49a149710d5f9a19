/** One lane of the decoder over a `kv_cache` slot, bound to the graphs that use it. */

import type { Binding, Tensor, TensorData } from '../inference/inference-port.ts';
import type { LaneLayout } from '../model/lane-layout.ts';
import type { Lane } from './lane.ts';
import type { LaneRuns } from './lane-runs.ts';
import type { RowLane } from './row-run.ts';

/** Prompts are padded to one of these, so that few bindings serve all of them. */
const PROMPT_SIZES = [4, 8, 16, 32, 64, 128, 256];

export class DecoderLane implements Lane, RowLane, Disposable {
  readonly logits: Float32Array;
  readonly probeLogits: Float32Array;
  /** Whose cross-attention keys and values it attends to: its own, or those of a lane it copied. */
  #window: DecoderLane = this;
  readonly #layout: LaneLayout;
  readonly #runs: LaneRuns;
  readonly #tensors: ReadonlyMap<string, Tensor>;
  readonly #tokens: Int32Array;
  readonly #positions: Int32Array;
  readonly #logitRows: Int32Array;
  /** The whole slab as f32, and where the slot begins in it: caches are copied without a view. */
  readonly #slab: Float32Array;
  readonly #slabOffset: number;
  /** By size of the prompt. */
  readonly #prefills = new Map<number, Binding>();
  /** By the lane whose window is attended to. */
  readonly #steps = new Map<DecoderLane, Binding>();
  /** By the hidden states' view: a lane meets few slots of `encoder_output`. */
  readonly #fillers = new Map<TensorData, Binding>();

  /** @param memory a `kv_cache` slot, `layout.elements` f32. */
  constructor(memory: Float32Array, layout: LaneLayout, runs: LaneRuns) {
    const words = new Int32Array(memory.buffer, memory.byteOffset, memory.length);
    const tensors = new Map<string, Tensor>();
    for (const [name, { offset, size, shape, elementType }] of layout.regions) {
      const data = (elementType === 'int32' ? words : memory).subarray(offset, offset + size);
      tensors.set(name, { data, shape });
    }
    this.#layout = layout;
    this.#runs = runs;
    this.#tensors = tensors;
    this.#tokens = this.#data('tokens') as Int32Array;
    this.#positions = this.#data('positions') as Int32Array;
    this.#logitRows = this.#data('logit_rows') as Int32Array;
    const logits = this.#data('logits') as Float32Array;
    this.probeLogits = logits.subarray(0, logits.length / 2);
    this.logits = logits.subarray(logits.length / 2);
    this.#slab = new Float32Array(memory.buffer);
    this.#slabOffset = memory.byteOffset / Float32Array.BYTES_PER_ELEMENT;
  }

  /**
   * Takes a window: computes its cross-attention keys and values.
   *
   * @param hiddenStates [1500, dModel] f32.
   * @throws InferenceError `aborted` when `signal` fires.
   */
  async fill(hiddenStates: Tensor, signal: AbortSignal): Promise<void> {
    this.#window = this;
    let filler = this.#fillers.get(hiddenStates.data);
    if (filler === undefined) {
      const { crossAttention } = this.#runs.sessions;
      const fetches = crossAttention.outputs.map(({ name }) => [name, this.#tensor(name)]);
      filler = crossAttention.bind({ hidden_states: hiddenStates }, Object.fromEntries(fetches));
      this.#fillers.set(hiddenStates.data, filler);
    }
    await filler.run({ signal });
  }

  async prefill(tokens: readonly number[], probeIndex: number, signal: AbortSignal): Promise<void> {
    const size = PROMPT_SIZES.find((n) => n >= tokens.length) ?? this.#layout.nTextPositions;
    // What is fed beyond the prompt is never attended to, and overwritten by the steps that follow.
    for (let i = 0; i < size; i++) {
      this.#tokens[i] = tokens[i] ?? 0;
      this.#positions[i] = i;
    }
    this.#logitRows[0] = probeIndex;
    this.#logitRows[1] = tokens.length - 1;
    await this.#runs.alone(this.#prefillBinding(size), signal);
  }

  step(token: number, position: number, signal: AbortSignal): Promise<void> {
    return this.#runs.step(this, token, position, signal);
  }

  copyFrom(other: DecoderLane, nPositions: number): void {
    this.#window = other.#window;
    const { selfCaches, heads, headSize, nTextPositions } = this.#layout;
    const length = nPositions * headSize;
    for (const { offset } of selfCaches) {
      for (let head = 0; head < heads; head++) {
        const at = offset + head * nTextPositions * headSize;
        const from = other.#slabOffset + at;
        this.#slab.copyWithin(this.#slabOffset + at, from, from + length);
      }
    }
  }

  get window(): DecoderLane {
    return this.#window;
  }

  stepBinding(token: number, position: number): Binding {
    this.#tokens[0] = token;
    this.#positions[0] = position;
    this.#logitRows[0] = 0;
    const known = this.#steps.get(this.#window);
    if (known !== undefined) return known;
    const { sequence } = this.#runs.sessions;
    const feeds = {
      ...this.rowFeeds(0),
      tokens: { data: this.#tokens.subarray(0, 1), shape: [1] },
      positions: { data: this.#positions.subarray(0, 1), shape: [1] },
      logit_rows: { data: this.#logitRows.subarray(0, 1), shape: [1] },
    };
    const logits = { data: this.logits, shape: [1, this.logits.length] };
    const binding = sequence.bind(feeds, { ...this.rowFetches(0), logits });
    this.#steps.set(this.#window, binding);
    return binding;
  }

  rowFeeds(row: number): Record<string, Tensor> {
    const feeds: Record<string, Tensor> = {};
    for (const name of this.#cacheNames()) {
      const owner = name.startsWith('cross_') ? this.#window : this;
      feeds[`${name}.${row}`] = owner.#tensor(name);
    }
    return feeds;
  }

  rowFetches(row: number): Record<string, Tensor> {
    const fetches: Record<string, Tensor> = {};
    for (const name of this.#cacheNames()) {
      if (name.startsWith('self_')) fetches[`new_${name}.${row}`] = this.#tensor(name);
    }
    return fetches;
  }

  [Symbol.dispose](): void {
    for (const bindings of [this.#prefills, this.#steps, this.#fillers]) {
      for (const binding of bindings.values()) binding[Symbol.dispose]();
      bindings.clear();
    }
  }

  #prefillBinding(size: number): Binding {
    const known = this.#prefills.get(size);
    if (known !== undefined) return known;
    const feeds = {
      ...this.rowFeeds(0),
      tokens: { data: this.#tokens.subarray(0, size), shape: [size] },
      positions: { data: this.#positions.subarray(0, size), shape: [size] },
      logit_rows: this.#tensor('logit_rows'),
    };
    const fetches = { ...this.rowFetches(0), logits: this.#tensor('logits') };
    const binding = this.#runs.sessions.sequence.bind(feeds, fetches);
    this.#prefills.set(size, binding);
    return binding;
  }

  #cacheNames(): string[] {
    return [...this.#tensors.keys()].filter((name) => /^(self|cross)_/.test(name));
  }

  #data(name: string): TensorData {
    return this.#tensor(name).data;
  }

  #tensor(name: string): Tensor {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) throw new RangeError(`a lane has no tensor ${name}`);
    return tensor;
  }
}
