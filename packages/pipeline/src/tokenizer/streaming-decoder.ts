/** Text of tokens as they come, in whole characters. */

import type { TokenBytes } from './token-bytes.ts';
import { characterEnd } from './utf8.ts';

/** Most bytes of a character that can be there while others are missing. */
const MAX_PENDING_BYTES = 3;

/**
 * Holds back the bytes of a character until the token that completes it comes. Its pieces together
 * are what decoding all tokens at once gives. One stream at a time; `flush` makes it ready for the
 * next.
 */
export class StreamingDecoder {
  readonly #tokenBytes: TokenBytes;
  readonly #buffer: Buffer;
  #nPending = 0;

  constructor(tokenBytes: TokenBytes) {
    this.#tokenBytes = tokenBytes;
    this.#buffer = Buffer.alloc(MAX_PENDING_BYTES + tokenBytes.maxBytesPerToken);
  }

  /** @returns the text that is complete with this token; empty for control tokens and timestamps. */
  push(token: number): string {
    const buffer = this.#buffer;
    const length = this.#tokenBytes.write(token, buffer, this.#nPending);
    let end = 0;
    while (end < length) {
      const next = characterEnd(buffer, end, length);
      if (next > length) break;
      end = next;
    }
    const text = buffer.toString('utf8', 0, end);
    buffer.copyWithin(0, end, length);
    this.#nPending = length - end;
    return text;
  }

  /** @returns U+FFFD where the tokens ended inside a character, as decoding them at once gives. */
  flush(): string {
    const text = this.#buffer.toString('utf8', 0, this.#nPending);
    this.#nPending = 0;
    return text;
  }
}
