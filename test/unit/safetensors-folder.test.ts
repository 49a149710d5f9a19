import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { GraphBuilder } from '../../packages/pipeline/src/model/onnx-graph.ts';
import { readFolderTensors } from '../../packages/pipeline/src/model/safetensors-folder.ts';
import { Weights } from '../../packages/pipeline/src/model/weights.ts';
import { type RawTensor, shardName, toSafetensors, writeIndex } from '../support/safetensors.ts';

const FIRST = shardName(1, 2);
const SECOND = shardName(2, 2);
let folder: string;
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'amanuensis-shards-')), 'model');
  mkdirSync(folder);
});
afterEach(() => rmSync(join(folder, '..'), { recursive: true }));

const tensor = (type: string, shape: readonly number[], length: number): RawTensor => ({
  type,
  shape,
  bytes: Buffer.alloc(length),
});

const write = (fileName: string, tensors: Readonly<Record<string, RawTensor>>): void =>
  writeFileSync(join(folder, fileName), toSafetensors(new Map(Object.entries(tensors))));

function writeTwoShards(): void {
  write(FIRST, { a: tensor('F16', [2, 3], 12), b: tensor('F32', [1], 4) });
  write(SECOND, { c: tensor('BF16', [4], 8) });
}

test('tensors of several files are found by the index, each in its file', async () => {
  writeTwoShards();
  writeIndex(folder, { a: FIRST, b: FIRST, c: SECOND });
  const tensors = await readFolderTensors(folder);
  expect([...tensors.keys()]).toEqual(['a', 'b', 'c']);
  expect(tensors.get('b')).toMatchObject({ fileName: FIRST, type: 'F32', length: 4 });
  expect(tensors.get('c')).toMatchObject({ fileName: SECOND, type: 'BF16', shape: [4] });
  expect((tensors.get('b')?.offset ?? 0) - (tensors.get('a')?.offset ?? 0)).toBe(12);
});

test('a single file counts where an index lies beside it', async () => {
  writeTwoShards();
  writeIndex(folder, { a: FIRST });
  write('model.safetensors', { d: tensor('F32', [1], 4) });
  expect([...(await readFolderTensors(folder)).keys()]).toEqual(['d']);
});

test('a folder without weights says what is missing', async () => {
  await expect(readFolderTensors(folder)).rejects.toMatchObject({
    code: 'missing_file',
    message: `${folder} has no model.safetensors and no model.safetensors.index.json`,
  });
});

test.each([
  ['../outside.safetensors'],
  ['/etc/outside.safetensors'],
  ['sub/inside.safetensors'],
  ['..\\outside.safetensors'],
  ['..safetensors'],
  ['.hidden.safetensors'],
  ['config.json'],
  [''],
])('an index cannot name %j', async (fileName) => {
  writeTwoShards();
  mkdirSync(join(folder, 'sub'));
  for (const path of ['../outside.safetensors', 'sub/inside.safetensors', '.hidden.safetensors']) {
    copyFileSync(join(folder, FIRST), join(folder, path));
  }
  writeIndex(folder, { a: fileName });
  await expect(readFolderTensors(folder)).rejects.toMatchObject({
    code: 'invalid_file',
    message: expect.stringContaining('names no file of the folder'),
  });
});

test.each<[string, () => void, object]>([
  [
    'names a file that is not there',
    () => writeIndex(folder, { a: FIRST, x: shardName(3, 3) }),
    { code: 'missing_file', message: expect.stringContaining('model-00003-of-00003') },
  ],
  [
    'names the wrong file of a tensor',
    () => writeIndex(folder, { a: SECOND }),
    { code: 'invalid_file', message: expect.stringContaining(`${SECOND} has no a`) },
  ],
  [
    'has no map',
    () => writeFileSync(join(folder, 'model.safetensors.index.json'), '{"metadata": {}}'),
    { code: 'invalid_file' },
  ],
  [
    'is no JSON',
    () => writeFileSync(join(folder, 'model.safetensors.index.json'), '{"weight_map"'),
    { code: 'invalid_file' },
  ],
])('an index that %s is refused', async (_, damage, error) => {
  writeTwoShards();
  damage();
  await expect(readFolderTensors(folder)).rejects.toMatchObject(error);
});

test('a tensor of another type is refused with its file and type, once a graph asks for it', async () => {
  write('model.safetensors', { a: tensor('F32', [1], 4), quantised: tensor('I8', [8], 8) });
  const weights = await Weights.open(folder);
  const graph = new GraphBuilder('test');
  weights.add(graph, 'a', [1]);
  expect(() => weights.add(graph, 'quantised', [8])).toThrow(
    expect.objectContaining({
      code: 'unsupported_model',
      message: expect.stringMatching(
        /model\.safetensors: quantised is stored as I8, and weights are read as F32, F16, BF16/,
      ),
    }),
  );
});

test('a tensor whose length is not that of its shape is refused', async () => {
  write('model.safetensors', { a: tensor('F16', [3], 4) });
  await expect(readFolderTensors(folder)).rejects.toMatchObject({ code: 'invalid_file' });
});
