/** Tokens from one on that are never sampled: timestamps, or what a padded vocabulary has behind them. */

import type { LogitFilter } from './logit-filter.ts';

export class SuppressFrom implements LogitFilter {
  readonly #first: number;

  constructor(first: number) {
    this.#first = first;
  }

  apply(logits: Float32Array): void {
    logits.fill(-Infinity, this.#first);
  }
}
