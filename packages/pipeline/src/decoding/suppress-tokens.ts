/** Tokens that are never sampled. */

import type { LogitFilter } from './logit-filter.ts';

export class SuppressTokens implements LogitFilter {
  readonly #tokens: readonly number[];

  constructor(tokens: readonly number[]) {
    this.#tokens = tokens;
  }

  apply(logits: Float32Array): void {
    for (const token of this.#tokens) logits[token] = -Infinity;
  }
}
