/** The bytes that each text token of a byte-level vocabulary stands for. */

import { ModelError } from '../model/model-error.ts';

/** A segment of 224 tokens of average length fits; longer ones let the buffer grow. */
const INITIAL_BYTES = 4_096;

/** Byte by the code of the letter that spells it in a vocabulary; -1 for letters that spell none. */
const BYTE_OF_LETTER = byteOfLetter();

/**
 * Text tokens → UTF-8. A token may hold a part of a character only, so text is made of bytes, never
 * of the tokens' texts.
 */
export class TokenBytes {
  /** Of the longest token. */
  readonly maxBytesPerToken: number;
  /** By token id: one letter a byte. */
  readonly #spellings: readonly string[];
  #buffer = Buffer.alloc(INITIAL_BYTES);

  /**
   * @param vocab token ids by spelling; those from `nTextTokens` on are not text.
   * @throws ModelError `unsupported_model` unless each is spelled in bytes and each byte is a token.
   */
  constructor(vocab: Readonly<Record<string, number>>, nTextTokens: number) {
    const spellings = new Array<string>(nTextTokens).fill('');
    const letters = new Set<number>();
    for (const [spelling, token] of Object.entries(vocab)) {
      if (token >= nTextTokens) continue;
      spellings[token] = spelling;
      if (spelling.length === 1) letters.add(BYTE_OF_LETTER[spelling.charCodeAt(0)] ?? -1);
      if (!isByteLevel(spelling)) throw notByteLevel(`${JSON.stringify(spelling)} is no bytes`);
    }
    if (letters.size !== 256) throw notByteLevel(`${letters.size} of 256 bytes are tokens`);
    this.#spellings = spellings;
    this.maxBytesPerToken = spellings.reduce((most, { length }) => Math.max(most, length), 0);
  }

  /** 0 for what is no text token. */
  byteLength(token: number): number {
    return this.#spellings[token]?.length ?? 0;
  }

  /** @returns the offset behind the token's bytes in `out`. */
  write(token: number, out: Uint8Array, offset: number): number {
    const spelling = this.#spellings[token] ?? '';
    for (let i = 0; i < spelling.length; i++) {
      out[offset + i] = BYTE_OF_LETTER[spelling.charCodeAt(i)] ?? 0;
    }
    return offset + spelling.length;
  }

  /** Bytes of all of `tokens`; `buffer` is theirs until the next call, and `length` of it is used. */
  join(tokens: readonly number[]): { readonly buffer: Buffer; readonly length: number } {
    const nBytes = tokens.reduce((sum, token) => sum + this.byteLength(token), 0);
    if (nBytes > this.#buffer.length) this.#buffer = Buffer.alloc(2 * nBytes);
    let length = 0;
    for (const token of tokens) length = this.write(token, this.#buffer, length);
    return { buffer: this.#buffer, length };
  }
}

/**
 * Byte-level vocabularies spell printable bytes of Latin-1 as themselves and the others, in order,
 * as the letters from U+0100 on (openai/gpt-2, encoder).
 */
function byteOfLetter(): Int16Array {
  const isPrintable = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
  const table = new Int16Array(0x200).fill(-1);
  let next = 0x100;
  for (let byte = 0; byte < 0x100; byte++) table[isPrintable(byte) ? byte : next++] = byte;
  return table;
}

function isByteLevel(spelling: string): boolean {
  for (let i = 0; i < spelling.length; i++) {
    if ((BYTE_OF_LETTER[spelling.charCodeAt(i)] ?? -1) < 0) return false;
  }
  return true;
}

function notByteLevel(reason: string): ModelError {
  return new ModelError('unsupported_model', `the vocabulary is not byte-level: ${reason}`);
}
