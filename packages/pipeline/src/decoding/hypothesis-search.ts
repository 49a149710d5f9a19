/** How the hypotheses of a window are followed: greedily, at random, or as a beam. */

import type { Hypothesis } from './hypothesis.ts';

export interface HypothesisSearch {
  /**
   * Lets every living hypothesis go on by one token.
   *
   * @param living whose lanes hold filtered logits; their number may change with every step.
   * @returns those that go on; none when the search is over.
   */
  advance(living: readonly Hypothesis[]): readonly Hypothesis[];
  /** All that came to their end, and those that did not where too few did. */
  finish(living: readonly Hypothesis[]): readonly Hypothesis[];
}
