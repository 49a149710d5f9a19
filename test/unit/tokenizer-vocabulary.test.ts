import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { WhisperTokenizer } from '../../packages/pipeline/src/tokenizer/whisper-tokenizer.ts';
import { DEMO_MODEL } from '../support/paths.ts';
import { openDemoTokenizer, SILENT } from '../support/tokenizers.ts';

const demoSchema = z.looseObject({
  added_tokens: z.array(z.looseObject({ id: z.int(), content: z.string() })),
  model: z.looseObject({ vocab: z.record(z.string(), z.int()), merges: z.array(z.string()) }),
});
const demo = demoSchema.parse(JSON.parse(readFileSync(join(DEMO_MODEL, 'tokenizer.json'), 'utf8')));
const { vocab, merges } = demo.model;
const control = demo.added_tokens.filter(({ content }) => !/\d/.test(content));
const names = control.map(({ content }) => content);
const TEXT = ' Good morning, Zoë! <|endoftext|> # <|startoftranscript|>';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'amanuensis-tokenizer-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (files: Record<string, unknown>): void => {
  for (const [name, value] of Object.entries(files)) {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    writeFileSync(join(folder, name), text);
  }
};
const open = (generation = SILENT): Promise<WhisperTokenizer> =>
  WhisperTokenizer.open(folder, generation);
const mergesTxt = `#version: 0.2\n${merges.join('\n')}\n`;

test.each<[string, Record<string, unknown>]>([
  [
    'added_tokens.json',
    { 'added_tokens.json': Object.fromEntries(control.map(({ content, id }) => [content, id])) },
  ],
  ['special_tokens_map.json', { 'special_tokens_map.json': { additional_special_tokens: names } }],
  [
    'special_tokens_map.json with objects',
    {
      'special_tokens_map.json': {
        additional_special_tokens: names.map((content) => ({ content, lstrip: false })),
      },
    },
  ],
  [
    'tokenizer_config.json, whose list is not in order',
    {
      'tokenizer_config.json': {
        added_tokens_decoder: Object.fromEntries(control.map((it) => [it.id, it])),
        additional_special_tokens: names.toReversed(),
      },
    },
  ],
  [
    'tokenizer_config.json, as a list',
    {
      'tokenizer_config.json': { additional_special_tokens: names },
      'special_tokens_map.json': { additional_special_tokens: null },
    },
  ],
])(
  'vocab.json and merges.txt are the same as tokenizer.json, with control tokens from %s',
  async (_, files) => {
    write({ 'vocab.json': vocab, 'merges.txt': mergesTxt, ...files });
    const [tokenizer, expected] = [await open(), await openDemoTokenizer()];
    expect({ ...tokenizer }).toEqual({ ...expected });
    expect(tokenizer.encode(TEXT)).toEqual(expected.encode(TEXT));
    expect(tokenizer.decode(tokenizer.encode(TEXT))).toBe(TEXT);
  },
);

test('the end of text alone in vocab.json, as published, and no other file', async () => {
  const generation = { ...SILENT, no_timestamps_token_id: 1_008 };
  write({ 'vocab.json': { ...vocab, '<|endoftext|>': 1_000 }, 'merges.txt': mergesTxt });
  expect({ ...(await open(generation)) }).toEqual({ ...(await openDemoTokenizer()) });
});

test('merges without a version line, with the line ends of Windows', async () => {
  write({ 'vocab.json': vocab, 'merges.txt': merges.join('\r\n') });
  write({ 'special_tokens_map.json': { additional_special_tokens: names } });
  expect((await open()).encode(TEXT)).toEqual((await openDemoTokenizer()).encode(TEXT));
});

test('text can name no control token, whichever file names it', async () => {
  const tokenizer = await openDemoTokenizer();
  for (const { content } of demo.added_tokens) {
    const tokens = tokenizer.encode(`a${content}b ${content}`);
    expect(tokens.every((token) => token < tokenizer.endOfText)).toBe(true);
    expect(tokenizer.decode(tokens)).toBe(`a${content}b ${content}`);
  }
});

test('a prompt begins with a space, and one of white space is none', async () => {
  const tokenizer = await openDemoTokenizer();
  expect(tokenizer.encodePrompt(' \n Good morning. ')).toEqual([835, 960, 13]);
  expect(tokenizer.encodePrompt(' \n')).toEqual([]);
  expect(tokenizer.encode('')).toEqual([]);
  expect(tokenizer.decode([])).toBe('');
});

test('a text longer than any before it is decoded whole', async () => {
  const tokenizer = await openDemoTokenizer();
  const text = 'Good morning '.repeat(2_000);
  expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
});

const marks = { 'special_tokens_map.json': { additional_special_tokens: names } };
const withoutExclamation = Object.fromEntries(Object.entries(vocab).filter(([it]) => it !== '!'));
test.each<[string, Record<string, unknown>, string, RegExp]>([
  ['an empty folder', {}, 'missing_file', /vocab\.json is missing/],
  ['a vocabulary without merges', { 'vocab.json': vocab }, 'missing_file', /merges\.txt/],
  [
    'a damaged line of merges',
    { 'vocab.json': vocab, 'merges.txt': `${mergesTxt}abc\n` },
    'invalid_file',
    /not a merge: abc/,
  ],
  ['a vocabulary of other things', { 'vocab.json': { a: 'b' } }, 'invalid_file', /vocab\.json: a/],
  ['half a tokenizer.json', { 'tokenizer.json': '{"model": {"vo' }, 'invalid_file', /not JSON/],
  [
    'a byte that is no token',
    { 'vocab.json': withoutExclamation, 'merges.txt': mergesTxt, ...marks },
    'unsupported_model',
    /255 of 256 bytes/,
  ],
  [
    'a vocabulary of words',
    { 'vocab.json': { ...vocab, 你: 5 }, 'merges.txt': mergesTxt, ...marks },
    'unsupported_model',
    /not byte-level: "你"/,
  ],
  [
    'a tokenizer that the library does not know',
    { 'tokenizer.json': { ...demo, pre_tokenizer: { type: 'Telepathy' } } },
    'unsupported_model',
    /unknown kind/,
  ],
])('%s is refused', async (_, files, code, message) => {
  write(files);
  await expect(open()).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
});
