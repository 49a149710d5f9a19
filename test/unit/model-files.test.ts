import { expect, test } from 'vitest';
import { formatBytes } from '../../apps/cli/src/models/format-bytes.ts';
import { chooseModelFiles } from '../../apps/cli/src/models/model-files.ts';

const SETTINGS = ['config.json', 'generation_config.json', 'preprocessor_config.json'];
/** What lies beside the weights in the repository of a published Whisper. */
const BESIDE = [
  '.gitattributes',
  'README.md',
  'flax_model.msgpack',
  'pytorch_model.bin',
  'tf_model.h5',
  'model.fp32-00001-of-00002.safetensors',
  'model.safetensors.index.fp32.json',
  'runs/config.json',
  '../config.json',
];

const choose = (...names: readonly string[]): string[] => {
  const checksum = { algorithm: 'git-blob', value: '0'.repeat(40) } as const;
  const files = names.map((name) => ({ name, bytes: 1, checksum }));
  return chooseModelFiles('some/whisper', files).map(({ name }) => name);
};

test('of a published repository only what the product reads is taken, the weights last', () => {
  const needed = [
    'added_tokens.json',
    ...SETTINGS,
    'merges.txt',
    'normalizer.json',
    'special_tokens_map.json',
    'tokenizer.json',
    'tokenizer_config.json',
    'vocab.json',
  ].toSorted();
  const chosen = choose('model.safetensors', ...BESIDE, ...needed.toReversed());
  expect(chosen).toEqual([...needed, 'model.safetensors']);
});

test('a vocabulary is tokenizer.json, or vocab.json with merges.txt', () => {
  const weights = ['config.json', 'model.safetensors'];
  expect(choose(...weights, 'tokenizer.json')).toHaveLength(3);
  expect(choose(...weights, 'vocab.json', 'merges.txt')).toHaveLength(4);
  expect(() => choose(...weights, 'vocab.json')).toThrow(/some\/whisper has no tokenizer\.json/);
});

const shard = (number: number, count: number) => `model-0000${number}-of-0000${count}.safetensors`;
const INDEX = 'model.safetensors.index.json';
const BASE = ['config.json', 'tokenizer.json'];

test('weights in parts come with their index, and all of them', () => {
  expect(choose(...BASE, shard(2, 2), INDEX, shard(1, 2))).toEqual([
    'config.json',
    INDEX,
    'tokenizer.json',
    shard(1, 2),
    shard(2, 2),
  ]);
  expect(choose(...BASE, 'model.safetensors', INDEX, shard(1, 1))).not.toContain(INDEX);
});

test.each([
  [[shard(1, 3), shard(3, 3)]],
  [[shard(1, 2)]],
  [[shard(1, 2), shard(2, 3)]],
  [[shard(2, 2), shard(3, 2)]],
])('parts %j are not all', (parts) => {
  expect(() => choose(...BASE, INDEX, ...parts)).toThrow(
    expect.objectContaining({ code: 'not_a_model' }),
  );
});

test.each([
  [['pytorch_model.bin', 'tf_model.h5'], 'only pytorch_model.bin, tf_model.h5. Weights are read'],
  [['model.bin'], 'only model.bin'],
  [[shard(1, 1)], `only ${shard(1, 1)}`],
  [[], 'no weights at all'],
])('a repository with %j and no safetensors is told what to do', (weights, message) => {
  expect(() => choose(...BASE, ...weights)).toThrow(
    expect.objectContaining({
      code: 'no_safetensors',
      message: expect.stringMatching(
        `^some/whisper has no model.safetensors, ${message}.*safetensors/convert.*--revision`,
      ),
    }),
  );
});

test('a repository without settings is no model', () => {
  expect(() => choose('tokenizer.json', 'model.safetensors')).toThrow(/has no config\.json/);
});

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.00 kB'],
  [7_971_376, '7.97 MB'],
  [290_403_936, '290 MB'],
  [999_600_000, '1.00 GB'],
  [3_087_130_976, '3.09 GB'],
  [99_960_000, '100 MB'],
  [5e15, '5000 TB'],
])('%i bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});
