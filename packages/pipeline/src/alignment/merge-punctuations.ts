/** Punctuation joins the word that it belongs to (openai/whisper, `merge_punctuations`). */

import type { TimedWord } from './timed-word.ts';

export interface Punctuations {
  /** Characters that belong to the word after them when a space leads them. */
  readonly prepended: string;
  /** Characters that belong to the word before them. */
  readonly appended: string;
}

/** Each word keeps its own times and probability; it gains the punctuation's text and tokens. */
export function mergePunctuations(
  words: readonly TimedWord[],
  { prepended, appended }: Punctuations,
): TimedWord[] {
  return append(prepend(words, prepended), appended);
}

function prepend(words: readonly TimedWord[], prepended: string): TimedWord[] {
  const merged: TimedWord[] = [];
  for (const word of words.toReversed()) {
    const following = merged.at(-1);
    const isPrepended = word.word.startsWith(' ') && prepended.includes(word.word.trim());
    if (following !== undefined && isPrepended) {
      merged[merged.length - 1] = { ...following, ...joined(word, following) };
    } else {
      merged.push(word);
    }
  }
  return merged.reverse();
}

function append(words: readonly TimedWord[], appended: string): TimedWord[] {
  const merged: TimedWord[] = [];
  for (const word of words) {
    const previous = merged.at(-1);
    const isAppended = appended.includes(word.word);
    if (previous !== undefined && isAppended && !previous.word.endsWith(' ')) {
      merged[merged.length - 1] = { ...previous, ...joined(previous, word) };
    } else {
      merged.push(word);
    }
  }
  return merged;
}

function joined(first: TimedWord, second: TimedWord): Pick<TimedWord, 'word' | 'tokens'> {
  return { word: first.word + second.word, tokens: [...first.tokens, ...second.tokens] };
}
