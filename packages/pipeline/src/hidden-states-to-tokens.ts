/** Hidden states → tokens of one window, at the first temperature that gives a text to trust. */

import type { TranscriptionOptions } from '@amanuensis/contract';
import { BeamSearch } from './decoding/beam-search.ts';
import { compressionRatio } from './decoding/compression-ratio.ts';
import type { DecodingRules } from './decoding/decoding-rules.ts';
import { Hypothesis } from './decoding/hypothesis.ts';
import type { HypothesisSearch } from './decoding/hypothesis-search.ts';
import { IndependentSearch } from './decoding/independent-search.ts';
import { isDoubtful, type TextQuality } from './decoding/is-doubtful.ts';
import type { Lane } from './decoding/lane.ts';
import { logNormaliser } from './decoding/log-normaliser.ts';
import { seedOf } from './decoding/random-numbers.ts';
import { bestHypothesis, lengthPenalty } from './decoding/rank-hypotheses.ts';
import { samplingChoice } from './decoding/sample-token.ts';
import { argMax } from './kernels/logits.ts';
import type { Prompt } from './tokenizer/prompt-tokens.ts';

/** Lanes that a window may use; the first holds it. */
export interface LaneSource {
  readonly maxLanes: number;
  lane(index: number): Lane;
}

export interface WindowTokens extends TextQuality {
  /** Sampled tokens, timestamps included, without the end. */
  readonly tokens: readonly number[];
  /** Log-probability of each. */
  readonly tokenLogprobs: readonly number[];
  /** At which they were sampled; 0 takes the likeliest. */
  readonly temperature: number;
}

/**
 * Decodes anew at the next temperature while a text repeats itself or is unlikely
 * (openai/whisper, `decode_with_fallback`).
 *
 * @param windowSeed with `options.seed` it decides on what is sampled at temperatures above 0.
 * @throws InferenceError `aborted` when `signal` fires, after the run that it stops; `run_failed`.
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
  const maxTokens = Math.min(rules.maxTokens, rules.maxPositions - prompt.tokens.length);
  for (let nTokens = 1; ; nTokens++) {
    for (const { lane, tokens } of living) {
      for (const filter of rules.filters) filter.apply(lane.logits, tokens);
    }
    living = search.advance(living);
    if (living.length === 0 || nTokens >= maxTokens) break;
    await stepAll(living, prompt.tokens.length + nTokens - 1, signal);
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

/** Rejects only when no step is under way any more: their lanes may be given back then. */
async function stepAll(
  living: readonly Hypothesis[],
  position: number,
  signal: AbortSignal,
): Promise<void> {
  const steps = living.map(({ lane, tokens }) => lane.step(tokens.at(-1) ?? 0, position, signal));
  for (const step of await Promise.allSettled(steps)) {
    if (step.status === 'rejected') throw step.reason;
  }
}

/** @throws InferenceError `run_failed` where there is none. */
function probability(logits: Float32Array, token: number): number {
  return Math.exp((logits[token] ?? -Infinity) - logNormaliser(logits));
}
