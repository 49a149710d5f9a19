import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type CacheKey, openCacheEntry } from '../../packages/pipeline/src/model/graph-cache.ts';
import { ModelError } from '../../packages/pipeline/src/model/model-error.ts';

const KEY: CacheKey = { version: 1, parts: ['model', 'int8'] };
const HOUR_SECONDS = 3600;
let cache: string;
let nFills: number;

beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'amanuensis-cache-'));
  nFills = 0;
});
afterEach(() => rmSync(cache, { recursive: true, force: true }));

async function fill(folder: string): Promise<void> {
  nFills += 1;
  await writeFile(join(folder, 'encoder.onnx'), 'graph');
  await writeFile(join(folder, 'model.safetensors'), 'weights');
}

const open = (key: Partial<CacheKey> = {}, filler = fill) =>
  openCacheEntry(cache, { ...KEY, ...key }, filler);
const hidden = (entry: string) =>
  readdirSync(dirname(entry)).filter((name) => name.startsWith('.'));

test('an entry is made once and then found', async () => {
  const entry = await open();
  expect(readdirSync(entry).toSorted()).toEqual([
    'SHA256SUMS',
    'encoder.onnx',
    'model.safetensors',
  ]);
  expect(await open()).toBe(entry);
  expect(nFills).toBe(1);
  expect(hidden(entry)).toEqual([]);
});

test('other options are another entry, beside it', async () => {
  const entries = [await open(), await open({ parts: ['model', 'float32'] }), await open()];
  expect(new Set(entries).size).toBe(2);
  expect(nFills).toBe(2);
  // No part can be mistaken for the end of another.
  expect(await open({ parts: ['mode', 'lint8'] })).not.toBe(entries[0]);
});

test('entries of another version are removed', async () => {
  const old = await open();
  const entry = await open({ version: 2 });
  expect(existsSync(old)).toBe(false);
  expect(existsSync(entry)).toBe(true);
});

test.each<[string, (entry: string) => Promise<void> | void]>([
  ['changed', (entry) => writeFile(join(entry, 'model.safetensors'), 'weighty')],
  ['cut off', (entry) => writeFile(join(entry, 'encoder.onnx'), '')],
  ['lost', (entry) => rmSync(join(entry, 'encoder.onnx'))],
  ['without sums', (entry) => rmSync(join(entry, 'SHA256SUMS'))],
  ['with sums that are none', (entry) => writeFile(join(entry, 'SHA256SUMS'), 'x')],
])('an entry with a file that is %s is made anew', async (_, damage) => {
  const entry = await open();
  await damage(entry);
  expect(await open()).toBe(entry);
  expect(nFills).toBe(2);
  expect(readFileSync(join(entry, 'model.safetensors'), 'utf8')).toBe('weights');
  expect(readFileSync(join(entry, 'encoder.onnx'), 'utf8')).toBe('graph');
  expect(hidden(entry)).toEqual([]);
});

test('openers at the same time get one whole entry', async () => {
  const entries = await Promise.all(Array.from({ length: 5 }, () => open()));
  expect(new Set(entries).size).toBe(1);
  expect(readFileSync(join(entries[0] ?? '', 'encoder.onnx'), 'utf8')).toBe('graph');
  expect(hidden(entries[0] ?? '')).toEqual([]);
  expect(await open()).toBe(entries[0]);
});

test('openers at the same time replace one damaged entry', async () => {
  const entry = await open();
  await writeFile(join(entry, 'encoder.onnx'), 'damage');
  await Promise.all(Array.from({ length: 4 }, () => open()));
  expect(readFileSync(join(entry, 'encoder.onnx'), 'utf8')).toBe('graph');
  expect(hidden(entry)).toEqual([]);
});

test('an entry that cannot be filled leaves nothing behind', async () => {
  const failure = new ModelError('unsupported_model', 'no');
  await expect(open({}, () => Promise.reject(failure))).rejects.toBe(failure);
  expect(readdirSync(join(cache, 'graphs-v1'))).toEqual([]);
  await open();
  expect(nFills).toBe(1);
});

test('what a process that died had begun is removed after an hour', async () => {
  const folder = join(cache, 'graphs-v1');
  const ages = { '.fresh.1.a': 0.5, '.old.2.b': 1.5 };
  for (const [name, hours] of Object.entries(ages)) {
    await mkdir(join(folder, name), { recursive: true });
    const seconds = Date.now() / 1000 - hours * HOUR_SECONDS;
    utimesSync(join(folder, name), seconds, seconds);
  }
  expect(hidden(await open())).toEqual(['.fresh.1.a']);
});

test('a cache that cannot be written says so', async () => {
  await writeFile(join(cache, 'file'), '');
  const opened = openCacheEntry(join(cache, 'file'), KEY, fill);
  await expect(opened).rejects.toMatchObject({ name: 'ModelError', code: 'cache_failed' });
  expect(nFills).toBe(0);
});
