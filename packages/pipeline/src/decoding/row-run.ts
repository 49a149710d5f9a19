/** One run of the decoder over several lanes, bound for one combination of them. */

import type { Binding, InferenceSession, Tensor } from '../inference/inference-port.ts';

/** What a run needs of a lane. */
export interface RowLane {
  /** Whose window it attends to; lanes of one window are told apart by it. */
  readonly window: RowLane;
  /** [vocabSize] f32. */
  readonly logits: Float32Array;
  /** Its caches, as the row of that number of a decoder graph takes them. */
  rowFeeds(row: number): Readonly<Record<string, Tensor>>;
  rowFetches(row: number): Readonly<Record<string, Tensor>>;
  /** The run of one step of this lane alone. */
  stepBinding(token: number, position: number): Binding;
}

interface RowStep {
  readonly token: number;
  readonly position: number;
}

export class RowRun implements Disposable {
  readonly #tokens: Int32Array;
  readonly #positions: Int32Array;
  readonly #binding: Binding;

  /**
   * @param lanes at least one; the rows beyond them repeat the first, which writes the same values
   *   to the same cache once more.
   * @param logits [nRows, vocabSize] f32, written by each run.
   */
  constructor(session: InferenceSession, lanes: readonly RowLane[], logits: Tensor) {
    const nRows = logits.shape[0] ?? 1;
    this.#tokens = new Int32Array(nRows);
    this.#positions = new Int32Array(nRows);
    const feeds: Record<string, Tensor> = {
      tokens: { data: this.#tokens, shape: [nRows] },
      positions: { data: this.#positions, shape: [nRows] },
    };
    const fetches: Record<string, Tensor> = { logits };
    for (let row = 0; row < nRows; row++) {
      const lane = lanes[row] ?? lanes[0];
      Object.assign(feeds, lane?.rowFeeds(row));
      Object.assign(fetches, lane?.rowFetches(row));
    }
    this.#binding = session.bind(feeds, fetches);
  }

  /** @param steps one of each lane, in their order. */
  async run(steps: readonly RowStep[], signal: AbortSignal): Promise<void> {
    for (let row = 0; row < this.#tokens.length; row++) {
      const step = steps[row] ?? steps[0];
      this.#tokens[row] = step?.token ?? 0;
      this.#positions[row] = step?.position ?? 0;
    }
    await this.#binding.run({ signal });
  }

  [Symbol.dispose](): void {
    this.#binding[Symbol.dispose]();
  }
}
