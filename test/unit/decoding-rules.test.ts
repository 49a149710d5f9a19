/** What a job's options and a model's files make of decoding. */

import { transcriptionOptionsSchema } from '@amanuensis/contract';
import { beforeAll, expect, test } from 'vitest';
import {
  type DecodingRules,
  decodingRules,
} from '../../packages/pipeline/src/decoding/decoding-rules.ts';
import {
  type GenerationConfig,
  readDimensions,
  readGenerationConfig,
  type WhisperDimensions,
} from '../../packages/pipeline/src/model/whisper-config.ts';
import type { WhisperTokenizer } from '../../packages/pipeline/src/tokenizer/whisper-tokenizer.ts';
import { DEMO_MODEL } from '../support/paths.ts';
import { openDemoTokenizer, SILENT } from '../support/tokenizers.ts';

/** Padding of a vocabulary, as some fine-tuned models have it. */
const N_PADDING = 54;

let tokenizer: WhisperTokenizer;
let generation: GenerationConfig;
let dimensions: WhisperDimensions;
beforeAll(async () => {
  tokenizer = await openDemoTokenizer();
  generation = await readGenerationConfig(DEMO_MODEL);
  dimensions = await readDimensions(DEMO_MODEL);
});

interface Facts {
  readonly generation?: GenerationConfig;
  readonly dimensions?: WhisperDimensions;
}

function rulesOf(options: object = {}, facts: Facts = {}): DecodingRules {
  const model = { tokenizer, generation, dimensions, ...facts };
  return decodingRules(model, transcriptionOptionsSchema.parse(options));
}

/** Tokens that may come after `sampled`, from logits that favour text. */
function allowed({ filters }: DecodingRules, sampled: readonly number[]): Set<number> {
  const row = new Float32Array(dimensions.vocabSize + N_PADDING);
  row.fill(20, 0, tokenizer.endOfText);
  for (const filter of filters) filter.apply(row, sampled);
  return new Set([...row.keys()].filter((token) => row[token] !== -Infinity));
}

/** Inside a text that began at 0 s. */
const inText = (): number[] => [tokenizer.firstTimestamp, 835];
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, i) => from + i);

test('a decoder of 448 positions samples 224 tokens after 223 of a prompt', () => {
  const { maxPositions, maxTokens, maxPromptTokens, endOfText, noSpeech } = rulesOf();
  expect({ maxPositions, maxTokens, maxPromptTokens }).toEqual({
    maxPositions: 448,
    maxTokens: 224,
    maxPromptTokens: 223,
  });
  expect(endOfText).toBe(tokenizer.endOfText);
  expect(noSpeech).toBe(tokenizer.noSpeech);
});

test('an odd number of positions is halved to a whole number', () => {
  const { maxTokens } = rulesOf({}, { dimensions: { ...dimensions, nTextPositions: 449 } });
  expect(maxTokens).toBe(224);
});

test('control tokens, and what a padded vocabulary has behind timestamps, are never sampled', () => {
  for (const options of [{}, { suppress_tokens: [] }, { without_timestamps: true }]) {
    const tokens = allowed(rulesOf(options), inText());
    const control = range(tokenizer.endOfText + 1, tokenizer.firstTimestamp);
    const padding = range(tokenizer.lastTimestamp + 1, dimensions.vocabSize + N_PADDING);
    expect(padding).toHaveLength(N_PADDING);
    expect([...control, ...padding].filter((token) => tokens.has(token))).toEqual([]);
    expect(tokens).toContain(tokenizer.endOfText);
  }
});

test('-1 stands for the tokens that the files name, and else for those that are no speech', () => {
  const named = { ...generation, suppress_tokens: [5, 6] };
  const isAllowed = (tokens: Set<number>) => [5, 6, 7].map((token) => tokens.has(token));
  expect(isAllowed(allowed(rulesOf({}, { generation: named }), inText()))).toEqual([
    false,
    false,
    true,
  ]);
  const more = rulesOf({ suppress_tokens: [-1, 7] }, { generation: named });
  expect(isAllowed(allowed(more, inText()))).toEqual([false, false, false]);
  const instead = rulesOf({ suppress_tokens: [7] }, { generation: named });
  expect(isAllowed(allowed(instead, inText()))).toEqual([true, true, false]);
  const none = rulesOf({ suppress_tokens: [] }, { generation: named });
  expect(isAllowed(allowed(none, inText()))).toEqual([true, true, true]);

  const silent = allowed(rulesOf({}, { generation: SILENT }), inText());
  const nonSpeech = tokenizer.nonSpeechTokens();
  expect(nonSpeech.length).toBeGreaterThan(0);
  expect(nonSpeech.filter((token) => silent.has(token))).toEqual([]);
});

test('a text does not begin with a blank or the end, unless it may', () => {
  const withoutTimes = { without_timestamps: true, suppress_tokens: [] };
  for (const facts of [{ generation }, { generation: SILENT }]) {
    const blanks = [...tokenizer.encode(' '), tokenizer.endOfText];
    const begin = allowed(rulesOf(withoutTimes, facts), []);
    expect(blanks.filter((token) => begin.has(token))).toEqual([]);
    const later = allowed(rulesOf(withoutTimes, facts), [835]);
    expect(blanks.filter((token) => !later.has(token))).toEqual([]);
    const mayBegin = allowed(rulesOf({ ...withoutTimes, suppress_blank: false }, facts), []);
    expect(blanks.filter((token) => !mayBegin.has(token))).toEqual([]);
  }
});

test('without timestamps there is text alone', () => {
  const { firstTimestamp, lastTimestamp } = tokenizer;
  for (const sampled of [[], [835]]) {
    const tokens = allowed(rulesOf({ without_timestamps: true }), sampled);
    expect(range(firstTimestamp, lastTimestamp + 1).filter((t) => tokens.has(t))).toEqual([]);
    expect(tokens).toContain(835);
  }
});

test('the latest first timestamp is what the job says, then what the files say', () => {
  const latest = (options: object, facts: Facts = {}): number =>
    Math.max(...allowed(rulesOf(options, facts), [])) - tokenizer.firstTimestamp;
  expect(latest({})).toBe(50);
  const files = { ...generation, max_initial_timestamp_index: 1 };
  expect(latest({}, { generation: files })).toBe(1);
  expect(latest({ max_initial_timestamp: 0.5 }, { generation: files })).toBe(25);
  expect(latest({ max_initial_timestamp: 0 })).toBe(0);
  expect(latest({ max_initial_timestamp: 30 })).toBe(1500);
});

test('hotwords and prefix are tokens with a space before them', () => {
  const { hotwordTokens, prefixTokens } = rulesOf({ hotwords: 'Julia ', prefix: ' Good morning' });
  expect(tokenizer.decode(hotwordTokens)).toBe(' Julia');
  expect(tokenizer.decode(prefixTokens)).toBe(' Good morning');
  expect(rulesOf().hotwordTokens).toEqual([]);
  expect(rulesOf().prefixTokens).toEqual([]);
});
