/** Numerics over a row of logits; nothing is allocated. */

import { expOfNegative } from './exp.ts';

/** log Σ exp(logits[i]) over [from, to); -Infinity where all of them are, NaN where any is. */
export function logSumExp(logits: Float32Array, from: number, to: number): number {
  const max = maxOf(logits, from, to);
  if (max === -Infinity) return hasNumbers(logits, from, to) ? -Infinity : NaN;
  let sum = 0;
  for (let i = from; i < to; i++) sum += expOfNegative(logits[i] - max);
  return max + Math.log(sum);
}

/** The greatest of logits[from, to); NaN is passed over. */
export function maxOf(logits: Float32Array, from: number, to: number): number {
  let max = -Infinity;
  for (let i = from; i < to; i++) if (logits[i] > max) max = logits[i];
  return max;
}

/** Index of the greatest logit, the first where several are equal. */
export function argMax(logits: Float32Array): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i] > logits[best]) best = i;
  return best;
}

/**
 * Index of the token that a throw hits, when each token has a share of softmax(logits / temperature).
 *
 * @param thrown in [0, 1).
 */
export function indexAt(thrown: number, logits: Float32Array, temperature: number): number {
  const max = maxOf(logits, 0, logits.length);
  const scale = 1 / temperature;
  let total = 0;
  for (let i = 0; i < logits.length; i++) total += expOfNegative((logits[i] - max) * scale);
  let left = thrown * total;
  let index = 0;
  for (let i = 0; i < logits.length && left >= 0; i++) {
    const share = expOfNegative((logits[i] - max) * scale);
    // Where rounding leaves something over, the last token that has a share is hit.
    if (share > 0) index = i;
    left -= share;
  }
  return index;
}

function hasNumbers(logits: Float32Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (Number.isNaN(logits[i])) return false;
  return true;
}
