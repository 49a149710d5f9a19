/** A clock that all threads read alike, wherever their own begin. */

/**
 * Milliseconds since `originMs`, which another thread may have read from its own
 * `performance.timeOrigin`: `timeOrigin + now()` is the same moment in each of them (W3C, High
 * Resolution Time), `now()` alone need not be.
 */
export function clockSince(originMs: number): () => number {
  const aheadMs = performance.timeOrigin - originMs;
  return () => performance.now() + aheadMs;
}
