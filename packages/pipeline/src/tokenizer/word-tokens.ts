/** Tokens of a text → the words that they spell, and the tokens of each. */

import type { TokenBytes } from './token-bytes.ts';
import { characterEnd } from './utf8.ts';

/** Written without spaces between words: each character is timed by itself. */
const WITHOUT_SPACES: ReadonlySet<string> = new Set(['zh', 'ja', 'th', 'lo', 'my', 'yue']);
/** All of ASCII's, in the order of their codes. */
const PUNCTUATION = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~';

/** Words in a row are the text of all tokens; their tokens in a row are all tokens. */
export interface WordTokens {
  /** Each with the space that leads it; empty for a control token. */
  readonly words: readonly string[];
  readonly wordTokens: readonly (readonly number[])[];
}

/**
 * Splits at spaces and punctuation, or at characters in languages that are written without spaces
 * (openai/whisper, tokenizer). No character is ever cut: where a token ends inside one, the next
 * belongs to the same word.
 *
 * @param tokens text tokens; a control token among them, such as the end, is a word of its own.
 * @param language Whisper's code.
 */
export function splitToWordTokens(
  tokens: readonly number[],
  language: string,
  tokenBytes: TokenBytes,
  endOfText: number,
): WordTokens {
  const parts = splitAtCharacters(tokens, tokenBytes);
  return WITHOUT_SPACES.has(language) ? parts : joinToWords(parts, endOfText);
}

/** The shortest runs of tokens that end where a character ends. */
function splitAtCharacters(tokens: readonly number[], tokenBytes: TokenBytes): WordTokens {
  const { buffer, length } = tokenBytes.join(tokens);
  const words: string[] = [];
  const wordTokens: number[][] = [];
  let run: number[] = [];
  let begin = 0; // of the run's bytes
  let end = 0; // of the token's bytes
  let boundary = 0; // first end of a character that is not before the token's
  for (const token of tokens) {
    run.push(token);
    end += tokenBytes.byteLength(token);
    while (boundary < end) boundary = Math.min(characterEnd(buffer, boundary, length), length);
    if (boundary !== end) continue;
    words.push(buffer.toString('utf8', begin, end));
    wordTokens.push(run);
    run = [];
    begin = end;
  }
  return { words, wordTokens };
}

function joinToWords(parts: WordTokens, endOfText: number): WordTokens {
  const words: string[] = [];
  const wordTokens: number[][] = [];
  for (const [index, tokens] of parts.wordTokens.entries()) {
    const text = parts.words[index] ?? '';
    const last = wordTokens.at(-1);
    const isControl = (tokens[0] ?? 0) >= endOfText;
    // As in the reference, so that words come out the same: white space alone begins a word too.
    const isPunctuation = PUNCTUATION.includes(text.trim());
    if (last === undefined || isControl || isPunctuation || text.startsWith(' ')) {
      words.push(text);
      wordTokens.push([...tokens]);
    } else {
      words.push((words.pop() ?? '') + text);
      last.push(...tokens);
    }
  }
  return { words, wordTokens };
}
