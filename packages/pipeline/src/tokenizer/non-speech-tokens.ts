/** Tokens of what is written about sound rather than spoken: brackets, speaker tags, notes. */

const SYMBOLS = [...'"#()*+/:;<=>@[\\]^_`{|}~「」『』'];
const GROUPS = ['<<', '>>', '<<<', '>>>', '--', '---', '-(', '-[', "('", '("'];
const REPEATED = ['((', '))', '(((', ')))', '[[', ']]', '{{', '}}', '♪♪', '♪♪♪'];
/**
 * Where one of them takes several tokens, the first is suppressed: it stands for characters from
 * U+2640 to U+267F, none of which is ever spoken.
 */
const MUSIC = [...'♩♪♫♬♭♮♯'];
/** Allowed inside a word, and not before one. */
const WORD_BEGINNINGS = [' -', " '"];

/**
 * What openai/whisper suppresses unless told otherwise (tokenizer, `non_speech_tokens`), and what
 * published models list as `suppress_tokens` beside the control tokens.
 *
 * @param encode text → token ids.
 * @returns ascending.
 */
export function nonSpeechTokens(encode: (text: string) => readonly number[]): number[] {
  const found = new Set<number>();
  const addFirst = (text: string): void => {
    const [first] = encode(text);
    if (first !== undefined) found.add(first);
  };
  for (const text of WORD_BEGINNINGS) addFirst(text);
  for (const symbol of MUSIC) [symbol, ` ${symbol}`].forEach(addFirst);
  for (const symbol of [...SYMBOLS, ...GROUPS, ...REPEATED]) {
    for (const text of [symbol, ` ${symbol}`]) if (encode(text).length === 1) addFirst(text);
  }
  return [...found].toSorted((a, b) => a - b);
}
