/**
 * Whisper's grammar of timestamps (openai/whisper, `ApplyTimestampRules`).
 *
 * ```
 * window  = timestamp text timestamp (timestamp text timestamp)* end
 * ```
 * Where the window cuts a sentence, the last timestamp may be missing.
 */

import { logSumExp, maxOf } from '../kernels/logits.ts';
import type { LogitFilter } from './logit-filter.ts';

export interface TimestampTokens {
  readonly endOfText: number;
  readonly firstTimestamp: number;
  /** Highest timestamp that may come first, counted from `firstTimestamp`. */
  readonly maxInitialTimestamp: number;
}

export class TimestampRules implements LogitFilter {
  readonly #tokens: TimestampTokens;

  constructor(tokens: TimestampTokens) {
    this.#tokens = tokens;
  }

  apply(logits: Float32Array, sampled: readonly number[]): void {
    const { firstTimestamp } = this.#tokens;
    this.#pairTimestamps(logits, sampled);
    this.#neverGoBack(logits, sampled);
    if (sampled.length === 0) this.#beginWithTimestamp(logits);
    // When time is likelier than any single text token, time it is.
    const timestamps = logSumExp(logits, firstTimestamp, logits.length);
    if (timestamps > maxOf(logits, 0, firstTimestamp)) logits.fill(-Infinity, 0, firstTimestamp);
  }

  /** After two timestamps (or the first) comes text; after text and one, a timestamp or the end. */
  #pairTimestamps(logits: Float32Array, sampled: readonly number[]): void {
    const { firstTimestamp, endOfText } = this.#tokens;
    if (!this.#isTimestamp(sampled.at(-1))) return;
    if (this.#isPairClosed(sampled)) logits.fill(-Infinity, firstTimestamp);
    else logits.fill(-Infinity, 0, endOfText);
  }

  /** Time does not go back, and a segment has a length: its end differs from its start. */
  #neverGoBack(logits: Float32Array, sampled: readonly number[]): void {
    const { firstTimestamp } = this.#tokens;
    const latest = sampled.findLast((token) => token >= firstTimestamp);
    if (latest === undefined) return;
    const mayRepeat = this.#isTimestamp(sampled.at(-1)) && !this.#isPairClosed(sampled);
    logits.fill(-Infinity, firstTimestamp, mayRepeat ? latest : latest + 1);
  }

  #beginWithTimestamp(logits: Float32Array): void {
    const { firstTimestamp, maxInitialTimestamp } = this.#tokens;
    logits.fill(-Infinity, 0, firstTimestamp);
    logits.fill(-Infinity, firstTimestamp + maxInitialTimestamp + 1);
  }

  #isPairClosed(sampled: readonly number[]): boolean {
    return sampled.length < 2 || this.#isTimestamp(sampled.at(-2));
  }

  #isTimestamp(token: number | undefined): boolean {
    return token !== undefined && token >= this.#tokens.firstTimestamp;
  }
}
