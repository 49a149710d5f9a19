/** A rule about which tokens may come next. */
export interface LogitFilter {
  /**
   * Sets the logits of tokens that must not come next to -Infinity.
   *
   * @param logits [vocabSize] f32, changed in place.
   * @param sampled the tokens of this window so far, without the prompt.
   */
  apply(logits: Float32Array, sampled: readonly number[]): void;
}
