/** Numerics over a row of logits; nothing is allocated. */

/** log Σ exp(logits[i]) over [from, to); -Infinity where all of them are. */
export function logSumExp(logits: Float32Array, from: number, to: number): number {
  const max = maxOf(logits, from, to);
  if (max === -Infinity) return -Infinity;
  let sum = 0;
  for (let i = from; i < to; i++) sum += Math.exp(logits[i] - max);
  return max + Math.log(sum);
}

/** The greatest of logits[from, to). */
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
