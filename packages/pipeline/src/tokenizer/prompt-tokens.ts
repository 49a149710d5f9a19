/** The tokens that a window's decoding begins with (openai/whisper, `_get_initial_tokens`). */

import { CodedError } from '@amanuensis/contract';
import { canonicalLanguageCode } from './language-code.ts';
import type { SpecialTokens } from './special-tokens.ts';

export interface PromptOptions {
  /** Whisper's code; without effect on an English-only model, as is the task. */
  readonly language: string;
  readonly task: 'transcribe' | 'translate';
  readonly withoutTimestamps: boolean;
  /** What the window continues: the user's prompt, then the text before the window. */
  readonly previousTokens: readonly number[];
  /** Words that are likely to occur. */
  readonly hotwordTokens: readonly number[];
  /** What the window's text is taken to begin with; it is no part of the result. */
  readonly prefixTokens: readonly number[];
  /** Most tokens of text in all: half of the decoder's positions less one, 223. */
  readonly maxPromptTokens: number;
}

export interface Prompt {
  readonly tokens: readonly number[];
  /** Where `startOfTranscript` stands in it: there the model says whether anyone speaks. */
  readonly startIndex: number;
}

/**
 * `[startOfPrev, hotwords, previous text], startOfTranscript, [language, task], [noTimestamps],
 * [prefix]`, without what is empty.
 *
 * Each text has what those before it in this list leave of `maxPromptTokens`, so that half of the
 * decoder's positions stays free: the end of the prefix; the beginning of the hotwords, which have
 * no place beside a prefix (faster-whisper, `get_prompt`); the end of the previous text. The
 * reference bounds the previous text alone, and can run out of positions.
 *
 * @throws CodedError `invalid_request` for a language that the model does not know.
 */
export function promptTokens(special: SpecialTokens, options: PromptOptions): Prompt {
  let room = options.maxPromptTokens;
  const prefix = last(options.prefixTokens, room);
  room -= prefix.length;
  const hotwords = prefix.length === 0 ? options.hotwordTokens.slice(0, room) : [];
  room -= hotwords.length;
  const context = [...hotwords, ...last(options.previousTokens, room)];
  const before = context.length === 0 ? [] : [special.startOfPrev, ...context];
  return {
    tokens: [...before, ...startSequence(special, options), ...prefix],
    startIndex: before.length,
  };
}

/** What language is spoken, and what is to be done. */
function startSequence(
  special: SpecialTokens,
  { language, task, withoutTimestamps }: PromptOptions,
): number[] {
  const tokens = [special.startOfTranscript];
  if (special.isMultilingual) tokens.push(languageToken(special, language), special[task]);
  if (withoutTimestamps) tokens.push(special.noTimestamps);
  return tokens;
}

function languageToken({ languageTokens }: SpecialTokens, language: string): number {
  const token = languageTokens.get(canonicalLanguageCode(language));
  if (token !== undefined) return token;
  throw new CodedError('invalid_request', `The model does not know the language "${language}".`);
}

/** `slice(-0)` would be all of them. */
function last(tokens: readonly number[], count: number): readonly number[] {
  return tokens.slice(Math.max(0, tokens.length - count));
}
