/** Takes samples out that no recording holds: one of them would drown all others of its window. */

/** The range of 16-bit integers: some writers store those as floats without scaling them. */
const GREATEST_SAMPLE = 32_768;

/**
 * Sets samples that are not a number, infinite or absurdly loud to zero, and answers how many.
 *
 * @param pcm f32, changed in place in [begin, end).
 */
export function silenceDamage(pcm: Float32Array, begin: number, end: number): number {
  let count = 0;
  for (let i = begin; i < end; i++) {
    if (Math.abs(pcm[i] ?? 0) <= GREATEST_SAMPLE) continue;
    pcm[i] = 0;
    count++;
  }
  return count;
}
