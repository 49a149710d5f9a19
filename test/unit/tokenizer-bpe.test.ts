import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hasShared, SHARED } from '../support/paths.ts';
import { ENGLISH_ONLY, MULTILINGUAL, openPublishedTokenizer } from '../support/tokenizers.ts';

/** How GPT-2 cuts a text before it merges bytes (openai/gpt-2, encoder). */
const PIECE = /'(?:[stmd]|re|ve|ll)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/** Ranks by bytes, which stand in Latin-1. */
function readRanks(name: string): Map<string, number> {
  const lines = readFileSync(join(SHARED, 'goldens', name), 'utf8')
    .trim()
    .split('\n');
  return new Map(
    lines.map((line) => {
      const [bytes = '', rank] = line.split(' ');
      return [Buffer.from(bytes, 'base64').toString('latin1'), Number(rank)];
    }),
  );
}

/** Byte pair encoding by ranks alone: the pair whose union has the lowest rank is merged, leftmost first. */
function encodeByRanks(text: string, ranks: ReadonlyMap<string, number>): number[] {
  return [...text.matchAll(PIECE)].flatMap(([piece]) => {
    const parts = [...Buffer.from(piece).toString('latin1')];
    for (;;) {
      const unions = parts.slice(1).map((part, index) => ranks.get(parts[index] + part));
      const lowest = Math.min(...unions.map((rank) => rank ?? Infinity));
      if (lowest === Infinity) return parts.map((part) => ranks.get(part) ?? -1);
      const at = unions.indexOf(lowest);
      parts.splice(at, 2, `${parts[at]}${parts[at + 1]}`);
    }
  });
}

const TEXTS = [
  " And so, my fellow Americans: ask not what your country can do for you — don't you'll we're?",
  'Die Löwen fraßen 1.234,56 Äpfel; 今日はとても暑い。مرحبا بالعالم नमस्ते 🤷🏽‍♀️\n\n  \t x',
  '<|startoftranscript|><|en|>  <|endoftext|> ♪♪ (laughs) [MUSIC] http://example.com/?q=1&r=2',
  '',
];
const text = fc.array(fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom(...TEXTS)), {
  maxLength: 5,
});

const isHere = [MULTILINGUAL, ENGLISH_ONLY, 'goldens'].every(hasShared);

test.skipIf(!isHere).each([
  [MULTILINGUAL, 'multilingual.tiktoken'],
  [ENGLISH_ONLY, 'gpt2.tiktoken'],
])('%s encodes and decodes as the ranks of ../shared/goldens/%s say', async (name, file) => {
  const ranks = readRanks(file);
  const tokenizer = await openPublishedTokenizer(name);
  const checkText = (value: string): void => {
    const tokens = tokenizer.encode(value);
    expect(tokens).toEqual(encodeByRanks(value, ranks));
    expect(tokenizer.decode(tokens)).toBe(value);
  };
  TEXTS.forEach(checkText);
  fc.assert(fc.property(text, (parts) => checkText(parts.join(''))));
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const differing = [...ranks].filter(
    ([bytes, rank]) => tokenizer.decode([rank]) !== decoder.decode(Buffer.from(bytes, 'latin1')),
  );
  expect(differing).toEqual([]);
});
