import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readGenerationConfig } from '../../packages/pipeline/src/model/whisper-config.ts';
import { DEMO_MODEL, hasShared, SHARED } from '../support/paths.ts';
import { ENGLISH_ONLY, SILENT } from '../support/tokenizers.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'amanuensis-generation-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (name: string, value: unknown): void =>
  writeFileSync(join(folder, name), JSON.stringify(value));

test('a fine-tuned folder with config.json alone', async () => {
  write('config.json', {
    model_type: 'whisper',
    decoder_start_token_id: 50_258,
    eos_token_id: 50_257,
    suppress_tokens: [1, 2],
    begin_suppress_tokens: [220, 50_257],
    forced_decoder_ids: [[1, null]],
    vocab_size: 51_865,
  });
  expect(await readGenerationConfig(folder)).toEqual({
    ...SILENT,
    decoder_start_token_id: 50_258,
    eos_token_id: 50_257,
    suppress_tokens: [1, 2],
    begin_suppress_tokens: [220, 50_257],
    vocab_size: 51_865,
  });
});

test('generation_config.json counts for more, field by field; null says nothing', async () => {
  write('config.json', { suppress_tokens: [1, 2], begin_suppress_tokens: [3], vocab_size: 51_866 });
  write('generation_config.json', {
    suppress_tokens: [],
    begin_suppress_tokens: null,
    alignment_heads: [
      [2, 0],
      [3, 5],
    ],
    lang_to_id: { '<|en|>': 50_259 },
    is_multilingual: null,
    max_initial_timestamp_index: null,
    eos_token_id: [50_257, 50_256],
    prev_sot_token_id: 50_362,
  });
  expect(await readGenerationConfig(folder)).toEqual({
    ...SILENT,
    suppress_tokens: [],
    begin_suppress_tokens: [3],
    alignment_heads: [
      [2, 0],
      [3, 5],
    ],
    lang_to_id: { '<|en|>': 50_259 },
    eos_token_id: 50_257,
    prev_sot_token_id: 50_362,
    vocab_size: 51_866,
  });
});

test('-1 among the suppressed stands for the default, as if they were not given', async () => {
  write('generation_config.json', { suppress_tokens: [-1], max_initial_timestamp_index: 1 });
  expect(await readGenerationConfig(folder)).toEqual({ ...SILENT, max_initial_timestamp_index: 1 });
});

test.each([
  [{ alignment_heads: [[1]] }, 'unsupported_model', /generation_config\.json: alignment_heads/],
  [{ suppress_tokens: 'many' }, 'unsupported_model', /suppress_tokens/],
])('%j is refused with the reason', async (value, code, message) => {
  write('generation_config.json', value);
  await expect(readGenerationConfig(folder)).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message),
  });
});

test('a damaged file is refused, and so is a folder without either', async () => {
  await expect(readGenerationConfig(folder)).rejects.toMatchObject({ code: 'missing_file' });
  writeFileSync(join(folder, 'generation_config.json'), '{"eos');
  await expect(readGenerationConfig(folder)).rejects.toMatchObject({ code: 'invalid_file' });
});

test('the demonstration model says all that it needs', async () => {
  expect(await readGenerationConfig(DEMO_MODEL)).toMatchObject({
    is_multilingual: false,
    no_timestamps_token_id: 1_008,
    prev_sot_token_id: 1_006,
    alignment_heads: [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ],
  });
});

test.skipIf(!hasShared(ENGLISH_ONLY))(
  `a published English-only model (../shared/${ENGLISH_ONLY})`,
  async () => {
    const generation = await readGenerationConfig(join(SHARED, ENGLISH_ONLY));
    expect(generation).toMatchObject({ max_initial_timestamp_index: 1, prev_sot_token_id: null });
    expect(generation.alignment_heads).toHaveLength(8);
  },
);
