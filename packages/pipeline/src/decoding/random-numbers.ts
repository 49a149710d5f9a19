/** Random numbers that are the same for the same seed, on every machine. */

/** Mulberry32 (Tommy Ettinger, public domain): numbers in [0, 1), 2^32 of them before they repeat. */
export function randomNumbers(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One seed from several numbers; close ones give seeds that are far apart. */
export function seedOf(...numbers: readonly number[]): number {
  let seed = 0x811c9dc5;
  for (const number of numbers) {
    seed = Math.imul(seed ^ number, 0x01000193);
    seed ^= seed >>> 15;
  }
  return seed >>> 0;
}
