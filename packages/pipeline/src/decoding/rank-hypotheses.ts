/** Which of several texts of one window is the best (openai/whisper, `MaximumLikelihoodRanker`). */

import type { Hypothesis } from './hypothesis.ts';

/** Texts that have ended are short or long; without a penalty the shortest would win. */
export type LengthPenalty = (length: number) => number;

/**
 * @param alpha of Google NMT's penalty ((5 + length) / 6)^alpha (arXiv:1609.08144, section 7);
 *   undefined: the length itself, of an empty text that of one token.
 */
export function lengthPenalty(alpha: number | undefined): LengthPenalty {
  if (alpha === undefined) return (length) => Math.max(1, length);
  return (length) => ((5 + length) / 6) ** alpha;
}

/** The greatest sum of log-probabilities over its penalty, the first of equal ones. */
export function bestHypothesis(
  hypotheses: readonly Hypothesis[],
  penalty: LengthPenalty,
): Hypothesis {
  const score = ({ sumLogprob, tokens }: Hypothesis): number => sumLogprob / penalty(tokens.length);
  return hypotheses.reduce((best, next) => (score(next) > score(best) ? next : best));
}
