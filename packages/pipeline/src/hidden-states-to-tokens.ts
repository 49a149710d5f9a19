/** Hidden states → tokens of one window, by greedy decoding. */

import type { DecoderLane } from './decoding/decoder-lane.ts';
import type { LogitFilter } from './decoding/logit-filter.ts';
import type { Tensor } from './inference/inference-port.ts';
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
 * @param hiddenStates [1500, dModel] f32.
 * @throws InferenceError `aborted` when `signal` fires, within one step.
 */
export async function hiddenStatesToTokens(
  hiddenStates: Tensor,
  lane: DecoderLane,
  rules: DecodingRules,
  signal: AbortSignal,
): Promise<WindowTokens> {
  await lane.fill(hiddenStates, signal);
  const { logits } = lane;
  let position = 0;
  let noSpeechProb = 0;
  for (const token of rules.prompt) {
    await lane.step(token, position, signal);
    if (position === 0) noSpeechProb = probability(logits, rules.noSpeech);
    position += 1;
  }
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
