import fc from 'fast-check';
import { expect, test } from 'vitest';
import { characterEnd } from '../../packages/pipeline/src/tokenizer/utf8.ts';

/** Bytes of each character, broken ones too. */
function cut(bytes: number[]): number[][] {
  const parts: number[][] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = characterEnd(Uint8Array.from(bytes), start, bytes.length);
    parts.push(bytes.slice(start, end));
    start = end;
  }
  return parts;
}

test.each<[string, number[], number[][]]>([
  ['ASCII', [0x61, 0x62], [[0x61], [0x62]]],
  ['two to four bytes', [...Buffer.from('é€😀')], ['é', '€', '😀'].map((c) => [...Buffer.from(c)])],
  ['a lead byte before a letter', [0xe4, 0x61], [[0xe4], [0x61]]],
  ['two of three bytes before a letter', [0xe4, 0xbd, 0x61], [[0xe4, 0xbd], [0x61]]],
  ['lone continuation bytes', [0x80, 0xbf], [[0x80], [0xbf]]],
  ['a longer spelling than is needed', [0xe0, 0x80, 0x80], [[0xe0], [0x80], [0x80]]],
  ['a surrogate', [0xed, 0xa0, 0x80], [[0xed], [0xa0], [0x80]]],
  ['beyond U+10FFFF', [0xf4, 0x90, 0xf5], [[0xf4], [0x90], [0xf5]]],
])('%s', (_, bytes, parts) => {
  expect(cut(bytes)).toEqual(parts);
});

test('an end that lies beyond the bytes says that others may complete the character', () => {
  const bytes = Uint8Array.from([0x61, 0xf0, 0x9f, 0x98, 0x80]);
  expect(characterEnd(bytes, 1, 2)).toBe(5);
  expect(characterEnd(bytes, 1, 4)).toBe(5);
  expect(characterEnd(bytes, 1, 5)).toBe(5);
  expect(characterEnd(Uint8Array.from([0xf0, 0x80]), 0, 2)).toBe(1);
});

test('any bytes are cut where a decoder ends a character or puts one U+FFFD', () => {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  // Bytes that occur in multi-byte characters are likelier than by chance.
  const byte = fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0xe0, 0xf0, 0x80, 0xa0));
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 40 }), (bytes) => {
      const characters = cut(bytes).map((part) => decoder.decode(Uint8Array.from(part)));
      expect(characters.every((text) => [...text].length === 1)).toBe(true);
      expect(characters.join('')).toBe(decoder.decode(Uint8Array.from(bytes)));
    }),
    { numRuns: 1000 },
  );
});
