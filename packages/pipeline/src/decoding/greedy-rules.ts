/** The rules that a model's greedy decoding with timestamps follows. */

import type { DecodingRules } from '../hidden-states-to-tokens.ts';
import type { WhisperModel } from '../model/load-whisper.ts';
import { SuppressAtBegin } from './suppress-at-begin.ts';
import { SuppressTokens } from './suppress-tokens.ts';
import { TimestampRules } from './timestamp-rules.ts';

export function greedyRules(model: WhisperModel, language: string): DecodingRules {
  const { tokenizer, generation, dimensions } = model;
  const { endOfText, noSpeech, firstTimestamp } = tokenizer;
  const maxInitialTimestamp = generation.max_initial_timestamp_index;
  const suppressed = generation.suppress_tokens ?? tokenizer.nonSpeechTokens();
  return {
    prompt: tokenizer.promptFor(language),
    filters: [
      new SuppressTokens([...suppressed, ...tokenizer.controlTokens]),
      new SuppressAtBegin(generation.begin_suppress_tokens ?? tokenizer.blankTokens()),
      new TimestampRules({ endOfText, firstTimestamp, maxInitialTimestamp }),
    ],
    endOfText,
    noSpeech,
    maxTokens: dimensions.nTextPositions / 2,
  };
}
