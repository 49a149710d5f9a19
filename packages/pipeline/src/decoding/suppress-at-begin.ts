/** Tokens that a window's text cannot begin with: a blank, and the end. */

import type { LogitFilter } from './logit-filter.ts';

export class SuppressAtBegin implements LogitFilter {
  readonly #tokens: readonly number[];

  constructor(tokens: readonly number[]) {
    this.#tokens = tokens;
  }

  apply(logits: Float32Array, sampled: readonly number[]): void {
    if (sampled.length > 0) return;
    for (const token of this.#tokens) logits[token] = -Infinity;
  }
}
