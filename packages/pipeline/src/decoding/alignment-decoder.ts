/** Feeds a window's text to the decoder once more, to see which audio each token attends to. */

import type { Binding, InferenceSession, Tensor } from '../inference/inference-port.ts';
import type { WhisperDimensions } from '../model/whisper-config.ts';
import type { AlignmentRun } from '../tokens-to-words.ts';
import type { DecoderLane } from './decoder-lane.ts';

/** Texts are padded to one of these, so that few bindings serve all of them. */
const TEXT_SIZES = [32, 64, 128, 256];

/** Its memory is allocated once and serves one text at a time: what a run answers is overwritten by the next. */
export class AlignmentDecoder implements Disposable {
  readonly #session: InferenceSession;
  readonly #nHeads: number;
  readonly #rowLength: number;
  readonly #maxTokens: number;
  readonly #tokens: Int32Array;
  readonly #positions: Int32Array;
  readonly #targets: Int32Array;
  readonly #targetLogprobs: Float32Array;
  /** [nHeads, size, 1500] f32, as many rows as the size of the text. */
  readonly #weights: Float32Array;
  readonly #bindings = new Map<DecoderLane, Map<number, Binding>>();

  constructor(session: InferenceSession, nHeads: number, dimensions: WhisperDimensions) {
    const { nTextPositions, nAudioPositions } = dimensions;
    this.#session = session;
    this.#nHeads = nHeads;
    this.#rowLength = nAudioPositions;
    this.#maxTokens = nTextPositions;
    this.#tokens = new Int32Array(nTextPositions);
    this.#positions = Int32Array.from({ length: nTextPositions }, (_, i) => i);
    this.#targets = new Int32Array(nTextPositions);
    this.#targetLogprobs = new Float32Array(nTextPositions);
    this.#weights = new Float32Array(nHeads * nTextPositions * nAudioPositions);
  }

  /**
   * @param lane that holds the window; its self-attention caches are overwritten.
   * @param start what is fed before the text; the first text token is predicted from its last.
   * @throws InferenceError `aborted` when `signal` fires.
   */
  async run(
    lane: DecoderLane,
    start: readonly number[],
    text: readonly number[],
    endOfText: number,
    signal: AbortSignal,
  ): Promise<AlignmentRun> {
    const nTokens = start.length + text.length + 1;
    const size = TEXT_SIZES.find((n) => n >= nTokens) ?? this.#maxTokens;
    this.#tokens.fill(0, 0, size);
    this.#targets.fill(0, 0, size);
    for (const [i, token] of start.entries()) this.#tokens[i] = token;
    for (const [i, token] of text.entries()) {
      this.#tokens[start.length + i] = token;
      this.#targets[start.length + i - 1] = token;
    }
    this.#tokens[nTokens - 1] = endOfText;
    await this.#bindingOf(lane, size).run({ signal });
    return {
      weights: this.#weights,
      nHeads: this.#nHeads,
      rowsPerHead: size,
      rowLength: this.#rowLength,
      nTokens,
      targetLogprobs: this.#targetLogprobs,
    };
  }

  [Symbol.dispose](): void {
    for (const ofLane of this.#bindings.values()) {
      for (const binding of ofLane.values()) binding[Symbol.dispose]();
    }
    this.#bindings.clear();
  }

  #bindingOf(lane: DecoderLane, size: number): Binding {
    const ofLane = this.#bindings.get(lane) ?? new Map<number, Binding>();
    this.#bindings.set(lane, ofLane);
    const binding = ofLane.get(size) ?? this.#bind(lane, size);
    ofLane.set(size, binding);
    return binding;
  }

  #bind(lane: DecoderLane, size: number): Binding {
    const first = (data: Int32Array | Float32Array, ...shape: number[]): Tensor => ({
      data: data.subarray(
        0,
        shape.reduce((product, length) => product * length, 1),
      ),
      shape,
    });
    const feeds = {
      ...lane.rowFeeds(0),
      tokens: first(this.#tokens, size),
      positions: first(this.#positions, size),
      targets: first(this.#targets, size, 1),
    };
    const fetches = {
      ...lane.rowFetches(0),
      attention: first(this.#weights, this.#nHeads, size, this.#rowLength),
      target_logprobs: first(this.#targetLogprobs, size, 1),
    };
    return this.#session.bind(feeds, fetches);
  }
}
