/** Hidden states → tokens of one window, at the first temperature that gives a text to trust. */

import type { TranscriptionOptions } from '@amanuensis/contract';
import { BeamSearch } from './decoding/beam-search.ts';
import { compressionRatio } from './decoding/compression-ratio.ts';
import type { DecodingRules } from './decoding/decoding-rules.ts';
import { Hypothesis } from './decoding/hypothesis.ts';
import type { HypothesisSearch } from './decoding/hypothesis-search.ts';
import { IndependentSearch } from './decoding/independent-search.ts';
import type { Lane } from './decoding/lane.ts';
import { seedOf } from './decoding/random-numbers.ts';
import { bestHypothesis, lengthPenalty } from './decoding/rank-hypotheses.ts';
import { samplingChoice } from './decoding/sample-token.ts';
import { argMax, logSumExp } from './kernels/logits.ts';
import type { Prompt } from './tokenizer/prompt-tokens.ts';

/** Lanes that a window may use; the first holds it. */
export interface LaneSource {
  readonly maxLanes: number;
  lane(index: number): Lane;
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
  /** At which they were sampled; 0 takes the likeliest. */
  readonly temperature: number;
  /** Length of the text over its length when compressed; 0 for none. */
  readonly compressionRatio: number;
}

/**
 * Decodes anew at the next temperature while a text repeats itself or is unlikely
 * (openai/whisper, `decode_with_fallback`).
 *
 * @param windowSeed with `options.seed` it decides on what is sampled at temperatures above 0.
 * @throws InferenceError `aborted` when `signal` fires, within one step.
 */
export async function hiddenStatesToTokens(
  lanes: LaneSource,
  prompt: Prompt,
  rules: DecodingRules,
  windowSeed: number,
  signal: AbortSignal,
): Promise<WindowTokens> {
  const { options } = rules;
  let decoded: WindowTokens | undefined;
  for (const temperature of options.temperature) {
    const seed = seedOf(options.seed, windowSeed, Math.round(temperature * 1e6));
    decoded = await decodeAt(temperature, seed, lanes, prompt, rules, signal);
    if (!isDoubtful(decoded, options)) break;
  }
  if (decoded === undefined) throw new RangeError('there is no temperature to decode at');
  return decoded;
}

async function decodeAt(
  temperature: number,
  seed: number,
  lanes: LaneSource,
  prompt: Prompt,
  rules: DecodingRules,
  signal: AbortSignal,
): Promise<WindowTokens> {
  const first = lanes.lane(0);
  await first.prefill(prompt.tokens, prompt.startIndex, signal);
  const noSpeechProb = probability(first.probeLogits, rules.noSpeech);
  const search = searchAt(temperature, seed, lanes, prompt, rules);
  let living: readonly Hypothesis[] = firstHypotheses(temperature, lanes, prompt, rules.options);
  const room = rules.maxPositions - prompt.tokens.length;
  const maxTokens = Math.min(rules.maxTokens, room);
  for (let nTokens = 0; ; ) {
    for (const { lane, tokens } of living) {
      for (const filter of rules.filters) filter.apply(lane.logits, tokens);
    }
    living = search.advance(living);
    nTokens += 1;
    if (living.length === 0 || nTokens === maxTokens) break;
    const position = prompt.tokens.length + nTokens - 1;
    await Promise.all(living.map((one) => one.lane.step(one.tokens.at(-1) ?? 0, position, signal)));
  }
  const penalty = lengthPenalty(rules.options.length_penalty);
  const best = bestHypothesis(search.finish(living), penalty);
  return {
    tokens: best.tokens,
    tokenLogprobs: best.logprobs,
    avgLogprob: best.avgLogprob,
    noSpeechProb,
    temperature,
    compressionRatio: compressionRatio(rules.decode(best.tokens).trim()),
  };
}

function searchAt(
  temperature: number,
  seed: number,
  lanes: LaneSource,
  { tokens: { length: promptLength } }: Prompt,
  { options, endOfText }: DecodingRules,
): HypothesisSearch {
  if (temperature > 0) return new IndependentSearch(samplingChoice(temperature, seed), endOfText);
  const { beam_size: beamSize, patience } = options;
  if (beamSize === 1) return new IndependentSearch(argMax, endOfText);
  const lane = (index: number): Lane => lanes.lane(index);
  return new BeamSearch({ beamSize, patience, endOfText, promptLength, lane });
}

/** One; at temperatures above 0 as many samples as are asked for and there are lanes for. */
function firstHypotheses(
  temperature: number,
  lanes: LaneSource,
  { tokens: { length: promptLength } }: Prompt,
  { best_of }: TranscriptionOptions,
): Hypothesis[] {
  const first = lanes.lane(0);
  const n = temperature === 0 ? 1 : Math.min(best_of, lanes.maxLanes);
  return Array.from({ length: n }, (_, index) => {
    const lane = lanes.lane(index);
    if (index > 0) {
      lane.copyFrom(first, promptLength);
      lane.logits.set(first.logits);
    }
    return new Hypothesis(lane);
  });
}

/** Its text repeats itself, or is unlikely; but not where it is taken as silence. */
function isDoubtful(
  { compressionRatio: ratio, avgLogprob, noSpeechProb }: WindowTokens,
  {
    compression_ratio_threshold: maxRatio,
    logprob_threshold: minLogprob,
    no_speech_threshold: maxNoSpeech,
  }: TranscriptionOptions,
): boolean {
  const isUnlikely = minLogprob !== null && avgLogprob < minLogprob;
  if (isUnlikely && maxNoSpeech !== null && noSpeechProb > maxNoSpeech) return false;
  return isUnlikely || (maxRatio !== null && ratio > maxRatio);
}

function probability(logits: Float32Array, token: number): number {
  return Math.exp((logits[token] ?? -Infinity) - logSumExp(logits, 0, logits.length));
}
