/** Draws tokens at random, the likelier the more often. */

import { indexAt } from '../kernels/logits.ts';
import type { TokenChoice } from './independent-search.ts';
import { randomNumbers } from './random-numbers.ts';

/**
 * Draws from softmax(logits / temperature), always the same tokens for the same seed.
 *
 * @param temperature above 0; the closer to it, the more often the likeliest.
 */
export function samplingChoice(temperature: number, seed: number): TokenChoice {
  const random = randomNumbers(seed);
  return (logits) => indexAt(random(), logits, temperature);
}
