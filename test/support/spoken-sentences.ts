/** Which sentences of a recording a transcript has lost, and which it has twice. */

import { toWords } from '../../apps/cli/src/word-error-rate.ts';
import type { Sentence } from './spoken-recordings.ts';

/** A sentence of which fewer words are there is lost. */
const LEAST_SHARE = 0.5;
/** Words between others that were not said: so many of a sentence's, in their order, repeat it. */
const REPEATED_SHARE = 0.6;
const LEAST_REPEATED_WORDS = 3;

export interface SentenceFaults {
  /** Texts of the sentences. */
  readonly lost: readonly string[];
  readonly repeated: readonly string[];
}

export function sentenceFaults(sentences: readonly Sentence[], transcript: string): SentenceFaults {
  const spoken = sentences.map(({ text }) => toWords(text));
  const heard = toWords(transcript);
  const pairs = matchedPairs(spoken.flat(), heard);
  let first = 0;
  const lost = sentences.filter((_, index) => {
    const length = spoken[index]?.length ?? 0;
    const nHeard = pairs.filter(([word]) => word >= first && word < first + length).length;
    first += length;
    return nHeard < LEAST_SHARE * length;
  });
  const inserted = runsOfInserted(heard, new Set(pairs.map(([, word]) => word)));
  const repeated = sentences.filter((_, index) => {
    const words = spoken[index] ?? [];
    const least = Math.max(LEAST_REPEATED_WORDS, REPEATED_SHARE * words.length);
    return inserted.some((run) => matchedPairs(words, run).length >= least);
  });
  const textOf = ({ text }: Sentence): string => text;
  return { lost: lost.map(textOf), repeated: repeated.map(textOf) };
}

/** Longest common subsequence: positions of equal words in both. */
function matchedPairs(a: readonly string[], b: readonly string[]): [number, number][] {
  const width = b.length + 1;
  // [a.length + 1, b.length + 1]: length of the longest from there to the ends
  const lengths = new Uint16Array((a.length + 1) * width);
  const at = (i: number, j: number): number => lengths[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const longest = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
      lengths[i * width + j] = longest;
    }
  }
  const pairs: [number, number][] = [];
  for (let [i, j] = [0, 0]; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) pairs.push([i++, j++]);
    else if (at(i + 1, j) >= at(i, j + 1)) i++;
    else j++;
  }
  return pairs;
}

function runsOfInserted(words: readonly string[], matched: ReadonlySet<number>): string[][] {
  const runs: string[][] = [[]];
  for (const [index, word] of words.entries()) {
    if (matched.has(index)) runs.push([]);
    else runs.at(-1)?.push(word);
  }
  return runs.filter(({ length }) => length > 0);
}
