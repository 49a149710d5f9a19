import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import type { StreamingDecoder } from '../../packages/pipeline/src/tokenizer/streaming-decoder.ts';
import type { WhisperTokenizer } from '../../packages/pipeline/src/tokenizer/whisper-tokenizer.ts';
import { hasShared } from '../support/paths.ts';
import { MULTILINGUAL, openDemoTokenizer, openPublishedTokenizer } from '../support/tokenizers.ts';

const REPLACEMENT = '\ufffd';

let demo: WhisperTokenizer;
let streaming: StreamingDecoder;
beforeAll(async () => {
  demo = await openDemoTokenizer();
  streaming = demo.streamingDecoder();
});

/** The demonstration model's tokens of single bytes. */
const token = (byte: number): number => {
  for (let id = 0; id < demo.endOfText; id++) {
    if (demo.decode([id]) === String.fromCharCode(byte)) return id;
  }
  throw new Error(`no token of ${byte}`);
};

test('a character comes with the token of its last byte', () => {
  const tokens = demo.encode('a😀b'); // one token a byte
  expect(tokens).toHaveLength(6);
  expect(tokens.map((id) => streaming.push(id))).toEqual(['a', '', '', '', '😀', 'b']);
  expect(streaming.flush()).toBe('');
});

test('bytes that no other can complete come at once, as one replacement character', () => {
  const [first = 0, second = 0] = demo.encode('你');
  expect([first, second, token(0x61)].map((id) => streaming.push(id))).toEqual([
    '',
    '',
    `${REPLACEMENT}a`,
  ]);
  expect([first, first].map((id) => streaming.push(id))).toEqual(['', REPLACEMENT]);
  expect(streaming.flush()).toBe(REPLACEMENT);
  expect(streaming.flush()).toBe('');
});

test('control tokens and timestamps are no text, and do not cut a character', () => {
  const [first = 0, ...others] = demo.encode('é');
  const tokens = [demo.startOfTranscript, first, demo.firstTimestamp, ...others, demo.endOfText];
  expect(tokens.map((id) => streaming.push(id))).toEqual(['', '', '', 'é', '']);
});

const text = fc.array(
  fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'grapheme' }),
    // What is text although it looks broken, steers decoders, or names a control token.
    fc.constantFrom(
      REPLACEMENT,
      '\ufeff',
      '<|endoftext|>',
      '<|0.00|>',
      '👩‍👩‍👧',
      '\r\n',
      '  ',
      "'s",
    ),
  ),
  { maxLength: 8 },
);

function checkStream(tokenizer: WhisperTokenizer, expected: string): void {
  const decoder = tokenizer.streamingDecoder();
  const tokens = tokenizer.encode(expected);
  expect(tokens.every((id) => id < tokenizer.endOfText)).toBe(true);
  const pieces = tokens.map((id) => decoder.push(id));
  expect(pieces.join('')).toBe(expected);
  expect(decoder.flush()).toBe('');
  expect(tokenizer.decode(tokens)).toBe(expected);
  const nReplacements = (value: string): number => value.split(REPLACEMENT).length - 1;
  expect(nReplacements(pieces.join(''))).toBe(nReplacements(expected));
}

test('any text comes back, whole characters in each piece', () => {
  fc.assert(fc.property(text, (parts) => checkStream(demo, parts.join(''))));
});

test('any tokens give in pieces what they give at once', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 2509 }), { maxLength: 60 }), (tokens) => {
      const pieces = tokens.map((id) => streaming.push(id));
      expect(pieces.join('') + streaming.flush()).toBe(demo.decode(tokens));
    }),
  );
});

test.skipIf(!hasShared(MULTILINGUAL))(
  `any text comes back from the multilingual vocabulary (../shared/${MULTILINGUAL})`,
  async () => {
    const tokenizer = await openPublishedTokenizer(MULTILINGUAL);
    fc.assert(fc.property(text, (parts) => checkStream(tokenizer, parts.join(''))));
  },
);
