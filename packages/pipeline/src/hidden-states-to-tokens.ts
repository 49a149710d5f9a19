/** Hidden states → tokens of one window, by greedy decoding. */

import type { Lane } from './decoding/lane.ts';
import type { LogitFilter } from './decoding/logit-filter.ts';
import { argMax, logSumExp } from './kernels/logits.ts';

export interface DecodingRules {
  /** Tokens that are fed before the first is sampled; the first is start-of-transcript. */
  readonly prompt: readonly number[];
  /** Applied in this order at every step. */
  readonly filters: readonly LogitFilter[];
  readonly endOfText: number;
  readonly noSpeech: number;
  /** At most so many tokens are sampled: 224, half of the decoder's positions. */
  readonly maxTokens: number;
}

export interface WindowTokens {
  /** Sampled tokens, timestamps included, without the end. */
  readonly tokens: readonly number[];
  /** Log-probability of each. */
  readonly tokenLogprobs: readonly number[];
  /** Sum of log-probabilities of the sampled tokens, the end included, over their number plus one. */
  readonly avgLogprob: number;
  /** Probability of `<|nospeech|>` after start-of-transcript, before any filter. */
  readonly noSpeechProb: number;
}

/**
 * @param lane has taken the window.
 * @throws InferenceError `aborted` when `signal` fires, within one step.
 */
export async function hiddenStatesToTokens(
  lane: Lane,
  rules: DecodingRules,
  signal: AbortSignal,
): Promise<WindowTokens> {
  const { logits } = lane;
  await lane.prefill(rules.prompt, 0, signal);
  const noSpeechProb = probability(lane.probeLogits, rules.noSpeech);
  let position = rules.prompt.length;
  const tokens: number[] = [];
  const tokenLogprobs: number[] = [];
  let logprobSum = 0;
  for (;;) {
    for (const filter of rules.filters) filter.apply(logits, tokens);
    const next = argMax(logits);
    const nextLogprob = logprob(logits, next);
    logprobSum += nextLogprob;
    if (next === rules.endOfText) break;
    tokens.push(next);
    tokenLogprobs.push(nextLogprob);
    if (tokens.length === rules.maxTokens) break;
    await lane.step(next, position, signal);
    position += 1;
  }
  return { tokens, tokenLogprobs, avgLogprob: logprobSum / (tokens.length + 1), noSpeechProb };
}

function logprob(logits: Float32Array, token: number): number {
  return (logits[token] ?? -Infinity) - logSumExp(logits, 0, logits.length);
}

function probability(logits: Float32Array, token: number): number {
  return Math.exp(logprob(logits, token));
}
