/** Hypotheses that do not know of each other: one greedy one, or several random samples. */

import { logSumExp } from '../kernels/logits.ts';
import type { Hypothesis } from './hypothesis.ts';
import type { HypothesisSearch } from './hypothesis-search.ts';

/** Chooses a token from filtered logits, [vocabSize] f32. */
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
      const { logits } = hypothesis.lane;
      const token = this.#choose(logits);
      const logprob = (logits[token] ?? -Infinity) - logSumExp(logits, 0, logits.length);
      if (token !== this.#endOfText) {
        hypothesis.add(token, logprob);
        return true;
      }
      hypothesis.sumLogprob += logprob;
      this.#finished.push(hypothesis);
      return false;
    });
  }

  finish(living: readonly Hypothesis[]): readonly Hypothesis[] {
    return [...this.#finished, ...living];
  }
}
