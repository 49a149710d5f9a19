/** How well a text compresses, which tells text that repeats itself from text that does not. */

import { deflateSync } from 'node:zlib';

/** Bytes of UTF-8 over bytes of zlib's deflate of them (openai/whisper, `compression_ratio`). */
export function compressionRatio(text: string): number {
  if (text === '') return 0;
  return Buffer.byteLength(text) / deflateSync(text).byteLength;
}
