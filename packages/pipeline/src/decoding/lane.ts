/** A lane of the decoder: one hypothesis of one window, with its caches. */

export interface Lane {
  /** Logits after the token that was fed last, [vocabSize] f32; logit filters change them in place. */
  readonly logits: Float32Array;
  /** Logits after the token that the last {@link prefill} was asked to probe, [vocabSize] f32. */
  readonly probeLogits: Float32Array;
  /**
   * Feeds a prompt from position 0 on, in one run.
   *
   * @param probeIndex which of `tokens` {@link probeLogits} come after.
   * @throws InferenceError `aborted` when `signal` fires.
   */
  prefill(tokens: readonly number[], probeIndex: number, signal: AbortSignal): Promise<void>;
  /**
   * Feeds one token. Steps that several lanes ask for at the same time are one run.
   *
   * @param position how many tokens were fed before it.
   * @throws InferenceError `aborted` when `signal` fires.
   */
  step(token: number, position: number, signal: AbortSignal): Promise<void>;
  /** Goes on from where another lane is, after `nPositions` tokens of the same window. */
  copyFrom(other: Lane, nPositions: number): void;
}
