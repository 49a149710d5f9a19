/** Draws tokens at random, the likelier the more often. */

import { maxOf } from '../kernels/logits.ts';
import type { TokenChoice } from './independent-search.ts';
import { randomNumbers } from './random-numbers.ts';

/**
 * Draws from softmax(logits / temperature), always the same tokens for the same seed.
 *
 * @param temperature above 0; the closer to it, the likelier the likeliest.
 */
export function samplingChoice(temperature: number, seed: number): TokenChoice {
  const random = randomNumbers(seed);
  return (logits) => {
    const max = maxOf(logits, 0, logits.length);
    let total = 0;
    for (let i = 0; i < logits.length; i++) total += weight(logits[i], max, temperature);
    let left = random() * total;
    let token = 0;
    for (let i = 0; i < logits.length && left >= 0; i++) {
      const share = weight(logits[i], max, temperature);
      if (share > 0) token = i;
      left -= share;
    }
    return token;
  };
}

function weight(logit: number | undefined, max: number, temperature: number): number {
  return Math.exp(((logit ?? -Infinity) - max) / temperature);
}
