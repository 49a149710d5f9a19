/** What a job's options and the model's files make of decoding; the same for all of its windows. */

import type { TranscriptionOptions } from '@amanuensis/contract';
import { FRAMES_PER_SECOND, FRAMES_PER_TIMESTAMP } from '../hyperparameters.ts';
import type { WhisperModel } from '../model/load-whisper.ts';
import type { LogitFilter } from './logit-filter.ts';
import { SuppressAtBegin } from './suppress-at-begin.ts';
import { SuppressFrom } from './suppress-from.ts';
import { SuppressTokens } from './suppress-tokens.ts';
import { TimestampRules } from './timestamp-rules.ts';

export interface DecodingRules {
  readonly options: TranscriptionOptions;
  /** Applied in this order at every step. */
  readonly filters: readonly LogitFilter[];
  readonly endOfText: number;
  readonly noSpeech: number;
  /** Tokens of one window at most, together with those of its prompt: 448. */
  readonly maxPositions: number;
  /** At most so many tokens are sampled: half of the decoder's positions, 224. */
  readonly maxTokens: number;
  /** Text of a prompt at most: 223. */
  readonly maxPromptTokens: number;
  readonly hotwordTokens: readonly number[];
  /** What the text of the first window is taken to begin with. */
  readonly prefixTokens: readonly number[];
  /** Text of tokens, for how it compresses. */
  decode(tokens: readonly number[]): string;
}

/** Stands for the tokens that the model's files name, in `suppress_tokens`. */
const MODEL_SUPPRESSED = -1;
const TIMESTAMPS_PER_SECOND = FRAMES_PER_SECOND / FRAMES_PER_TIMESTAMP;

type ModelFacts = Pick<WhisperModel, 'tokenizer' | 'dimensions' | 'generation'>;

export function decodingRules(model: ModelFacts, options: TranscriptionOptions): DecodingRules {
  const { tokenizer, dimensions } = model;
  const halfOfPositions = Math.floor(dimensions.nTextPositions / 2);
  return {
    options,
    filters: filtersOf(model, options),
    endOfText: tokenizer.endOfText,
    noSpeech: tokenizer.noSpeech,
    maxPositions: dimensions.nTextPositions,
    maxTokens: halfOfPositions,
    maxPromptTokens: halfOfPositions - 1,
    hotwordTokens: tokenizer.encodePrompt(options.hotwords ?? ''),
    prefixTokens: tokenizer.encodePrompt(options.prefix ?? ''),
    decode: (tokens) => tokenizer.decode(tokens),
  };
}

function filtersOf(
  { tokenizer, generation }: ModelFacts,
  options: TranscriptionOptions,
): LogitFilter[] {
  const { endOfText, firstTimestamp, lastTimestamp, controlTokens } = tokenizer;
  const suppressed = options.suppress_tokens.flatMap((token) =>
    token === MODEL_SUPPRESSED
      ? (generation.suppress_tokens ?? tokenizer.nonSpeechTokens())
      : [token],
  );
  const filters: LogitFilter[] = [
    new SuppressTokens([...suppressed, ...controlTokens]),
    new SuppressFrom(options.without_timestamps ? firstTimestamp : lastTimestamp + 1),
  ];
  if (options.suppress_blank) {
    filters.push(new SuppressAtBegin(generation.begin_suppress_tokens ?? tokenizer.blankTokens()));
  }
  if (!options.without_timestamps) {
    const { max_initial_timestamp: seconds } = options;
    const maxInitialTimestamp =
      seconds === undefined
        ? generation.max_initial_timestamp_index
        : Math.round(seconds * TIMESTAMPS_PER_SECOND);
    filters.push(new TimestampRules({ endOfText, firstTimestamp, maxInitialTimestamp }));
  }
  return filters;
}
