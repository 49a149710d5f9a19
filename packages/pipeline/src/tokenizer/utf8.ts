/** Where characters end in UTF-8 that may be broken or cut off (the Unicode Standard, table 3-7). */

/**
 * Offset of the end of the character that begins at `start`, or of the broken bytes that a decoder
 * shows as one U+FFFD.
 *
 * @param bytes of which the first `length` are read.
 * @returns more than `length` where the bytes end inside a character that others may complete.
 */
export function characterEnd(bytes: Uint8Array, start: number, length: number): number {
  const lead = bytes[start] ?? 0;
  const nBytes = sequenceLength(lead);
  for (let i = 1; i < nBytes; i++) {
    if (start + i >= length) return start + nBytes;
    const byte = bytes[start + i] ?? 0;
    const low = i === 1 ? lowestSecond(lead) : 0x80;
    const high = i === 1 ? highestSecond(lead) : 0xbf;
    if (byte < low || byte > high) return start + i;
  }
  return start + nBytes;
}

/** 1 for bytes that no character begins with, too. */
function sequenceLength(lead: number): number {
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  if (lead >= 0xf0 && lead <= 0xf4) return 4;
  return 1;
}

/** Lower ones would spell a character that fewer bytes spell. */
function lowestSecond(lead: number): number {
  if (lead === 0xe0) return 0xa0;
  return lead === 0xf0 ? 0x90 : 0x80;
}

/** Higher ones would spell a surrogate, or lie beyond U+10FFFF. */
function highestSecond(lead: number): number {
  if (lead === 0xed) return 0x9f;
  return lead === 0xf4 ? 0x8f : 0xbf;
}
