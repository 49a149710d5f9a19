/** Hypotheses that do not know of each other: one greedy one, or several random samples. */

import type { Hypothesis } from './hypothesis.ts';
import type { HypothesisSearch } from './hypothesis-search.ts';
import { logNormaliser } from './log-normaliser.ts';

/** Chooses a token from filtered logits, [vocabSize] f32, of which one at least is possible. */
export type TokenChoice = (logits: Float32Array) => number;

export class IndependentSearch implements HypothesisSearch {
  readonly #choose: TokenChoice;
  readonly #endOfText: number;
  readonly #finished: Hypothesis[] = [];

  constructor(choose: TokenChoice, endOfText: number) {
    this.#choose = choose;
    this.#endOfText = endOfText;
  }

  advance(living: readonly Hypothesis[]): readonly Hypothesis[] {
    return living.filter((hypothesis) => {
      const goesOn = this.#goOn(hypothesis);
      if (!goesOn) this.#finished.push(hypothesis);
      return goesOn;
    });
  }

  finish(living: readonly Hypothesis[]): readonly Hypothesis[] {
    return [...this.#finished, ...living];
  }

  /** False where its text ends. */
  #goOn(hypothesis: Hypothesis): boolean {
    const { logits } = hypothesis.lane;
    const total = logNormaliser(logits);
    // A job may suppress so much that nothing is left to go on with.
    if (total === -Infinity) return false;
    const token = this.#choose(logits);
    const logprob = (logits[token] ?? -Infinity) - total;
    if (token !== this.#endOfText) hypothesis.add(token, logprob);
    else hypothesis.sumLogprob += logprob;
    return token !== this.#endOfText;
  }
}
