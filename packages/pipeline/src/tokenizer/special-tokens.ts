/** Which tokens steer the model, from whatever a folder says of them. */

import { LANGUAGE_CODES } from '@amanuensis/contract';
import { ModelError } from '../model/model-error.ts';
import type { GenerationConfig } from '../model/whisper-config.ts';
import { canonicalLanguageCode } from './language-code.ts';

/** Every 20 ms of a window from 0 to 30 s. */
const N_TIMESTAMPS = 1_501;
/** Text tokens of the English-only vocabulary, which is GPT-2's; other vocabularies have others. */
const N_ENGLISH_ONLY_TEXT_TOKENS = 50_256;

const LANGUAGE_TOKEN = /^<\|([a-z]{2,8})\|>$/;

/**
 * Layout of every Whisper's vocabulary: text < `endOfText` < `startOfTranscript` < languages <
 * `translate` < `transcribe` < `startOfLm` < `startOfPrev` < `noSpeech` < `noTimestamps` <
 * timestamps.
 */
export interface SpecialTokens {
  /** Also the number of text tokens. */
  readonly endOfText: number;
  readonly startOfTranscript: number;
  readonly translate: number;
  readonly transcribe: number;
  readonly startOfLm: number;
  /** What stands between it and `startOfTranscript` is context. */
  readonly startOfPrev: number;
  readonly noSpeech: number;
  readonly noTimestamps: number;
  /** 0 s. */
  readonly firstTimestamp: number;
  /** 30 s; a padded vocabulary may have ids behind it that mean nothing. */
  readonly lastTimestamp: number;
  /** Tokens by code in the order of the vocabulary; none where the model is English-only. */
  readonly languageTokens: ReadonlyMap<string, number>;
  readonly isMultilingual: boolean;
}

/**
 * Names count for most, then the configuration, then the position in the layout: published folders
 * differ in what they leave out.
 *
 * @param named ids of the tokens that are spelled `<|...|>`.
 * @throws ModelError `unsupported_model` where the end of the text or of the control tokens stays
 *   unknown, or the order is another.
 */
export function specialTokens(
  named: ReadonlyMap<string, number>,
  generation: GenerationConfig,
): SpecialTokens {
  const idOf = (...names: string[]): number | null =>
    names.map((name) => named.get(`<|${name}|>`)).find((id) => id !== undefined) ?? null;
  const endOfText = known('<|endoftext|>', idOf('endoftext') ?? generation.eos_token_id);
  const noTimestamps = known(
    '<|notimestamps|>',
    idOf('notimestamps') ?? generation.no_timestamps_token_id ?? beforeTimestamps(generation),
  );
  const order = {
    startOfTranscript:
      idOf('startoftranscript') ?? generation.decoder_start_token_id ?? endOfText + 1,
    translate: idOf('translate') ?? noTimestamps - 5,
    transcribe: idOf('transcribe') ?? noTimestamps - 4,
    startOfLm: idOf('startoflm') ?? noTimestamps - 3,
    startOfPrev: idOf('startofprev') ?? generation.prev_sot_token_id ?? noTimestamps - 2,
    noSpeech: idOf('nospeech', 'nocaptions') ?? noTimestamps - 1,
  };
  checkOrder([endOfText, ...Object.values(order), noTimestamps]);
  const languageTokens = languages(named, generation, order);
  const isMultilingual =
    generation.is_multilingual ??
    (endOfText !== N_ENGLISH_ONLY_TEXT_TOKENS && languageTokens.size > 1);
  return {
    endOfText,
    ...order,
    noTimestamps,
    firstTimestamp: noTimestamps + 1,
    lastTimestamp: noTimestamps + N_TIMESTAMPS,
    languageTokens: isMultilingual ? languageTokens : new Map(),
    isMultilingual,
  };
}

/** The vocabulary ends with the timestamps, unless it is padded. */
function beforeTimestamps({ vocab_size }: GenerationConfig): number | null {
  return vocab_size === null ? null : vocab_size - N_TIMESTAMPS - 1;
}

/** English-only vocabularies have languages too, and never use them. */
function languages(
  named: ReadonlyMap<string, number>,
  { lang_to_id }: GenerationConfig,
  { startOfTranscript, translate }: { startOfTranscript: number; translate: number },
): ReadonlyMap<string, number> {
  const ids = new Map<string, number>();
  for (const [name, id] of [...Object.entries(lang_to_id ?? {}), ...named]) {
    const [, code] = LANGUAGE_TOKEN.exec(name) ?? [];
    const isLanguage = id > startOfTranscript && id < translate;
    if (code !== undefined && isLanguage) ids.set(canonicalLanguageCode(code), id);
  }
  if (ids.size > 0) return new Map([...ids].toSorted(([, a], [, b]) => a - b));
  const codes = LANGUAGE_CODES.slice(0, translate - startOfTranscript - 1);
  return new Map(codes.map((code, index) => [code, startOfTranscript + 1 + index]));
}

function known(name: string, id: number | null): number {
  if (id !== null) return id;
  throw new ModelError('unsupported_model', `the model folder names no token ${name}`);
}

function checkOrder(ids: readonly number[]): void {
  if (ids.every((id, index) => index === 0 || id > (ids[index - 1] ?? id))) return;
  throw new ModelError(
    'unsupported_model',
    `control tokens are not in the order of a Whisper: ${ids.join(', ')}`,
  );
}
