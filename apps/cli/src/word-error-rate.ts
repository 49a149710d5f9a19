/** Word error rate: the share of the expected words that an edit to the transcript costs. */

export interface WordErrors {
  /** Least number of words to insert, delete or replace. */
  readonly errors: number;
  /** Words of the expected text. */
  readonly words: number;
  /** `errors / words`; may exceed 1. Infinite where words came and none was expected. */
  readonly rate: number;
}

export function wordErrorRate(expected: string, actual: string): WordErrors {
  const reference = toWords(expected);
  const errors = editDistance(reference, toWords(actual));
  const rate = errors === 0 ? 0 : errors / reference.length;
  return { errors, words: reference.length, rate };
}

/** Lower case; all but letters, digits and apostrophes separates words. */
export function toWords(text: string): string[] {
  return text.toLowerCase().match(/[a-z0-9']+/g) ?? [];
}

/** Levenshtein distance over words, one row of its table at a time. */
function editDistance(reference: readonly string[], actual: readonly string[]): number {
  // row[j]: distance between the reference so far and the first j words of `actual`
  let row = Array.from({ length: actual.length + 1 }, (_, j) => j);
  reference.forEach((word, i) => {
    const next = [i + 1];
    actual.forEach((other, j) => {
      const [diagonal = 0, above = 0] = row.slice(j, j + 2);
      const replaced = diagonal + (word === other ? 0 : 1);
      next.push(Math.min(replaced, above + 1, (next[j] ?? 0) + 1));
    });
    row = next;
  });
  return row.at(-1) ?? 0;
}
