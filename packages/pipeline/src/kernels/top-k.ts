/** The greatest of many numbers. */

/**
 * Indices of the `k` greatest of `values`, the greatest first, the first of equal ones first;
 * those of -Infinity are left out.
 */
export function likeliest(values: Float32Array, k: number): number[] {
  const best: number[] = [];
  let least = -Infinity;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value <= least) continue;
    let at = best.length;
    while (at > 0 && values[best[at - 1]] < value) at--;
    best.splice(at, 0, i);
    if (best.length > k) best.pop();
    if (best.length === k) least = values[best[k - 1]];
  }
  return best;
}
