/** The greatest of many numbers. */

/**
 * Indices of the `k` greatest of `values`, the greatest first, the first of equal ones first;
 * those of -Infinity are left out.
 */
export function likeliest(values: Float32Array, k: number): number[] {
  const best: number[] = [];
  let least = -Infinity;
  for (let i = 0; i < values.length; i++) {
    // Apart from the rare insertion, the loop over a vocabulary takes half the time.
    if (values[i] > least) least = insert(i, values, k, best);
  }
  return best;
}

/** @returns what a value must exceed to be one of `best`, which is changed. */
function insert(index: number, values: Float32Array, k: number, best: number[]): number {
  const value = values[index];
  let at = best.length;
  while (at > 0 && values[best[at - 1]] < value) at--;
  best.splice(at, 0, index);
  if (best.length > k) best.pop();
  return best.length === k ? values[best[k - 1]] : -Infinity;
}
