import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { verifyChecksums } from '../../packages/pipeline/src/model/checksums.ts';
import { readSafetensorsHeader } from '../../packages/pipeline/src/model/safetensors.ts';
import { readDimensions } from '../../packages/pipeline/src/model/whisper-config.ts';
import { DEMO_MODEL } from '../support/paths.ts';

const FILES = ['config.json', 'generation_config.json', 'model.safetensors'];
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'amanuensis-model-'));
  for (const name of FILES) copyFileSync(join(DEMO_MODEL, name), join(folder, name));
});
afterEach(() => rmSync(folder, { recursive: true }));

const change = (name: string, edit: (bytes: Buffer) => Buffer): void =>
  writeFileSync(join(folder, name), edit(readFileSync(join(folder, name))));

test('the published sums of the demonstration model hold', async () => {
  expect((await verifyChecksums(DEMO_MODEL)).outcome).toBe('verified');
});

test('sums are recorded at the first load and hold at the second', async () => {
  const first = await verifyChecksums(folder);
  expect(first.outcome).toBe('recorded');
  expect([...first.sums.keys()]).toEqual(FILES);
  expect((await verifyChecksums(folder)).outcome).toBe('verified');
});

test('one flipped bit in the weights is found', async () => {
  await verifyChecksums(folder);
  change('model.safetensors', (bytes) => {
    bytes[bytes.length - 1000] = (bytes[bytes.length - 1000] ?? 0) ^ 1;
    return bytes;
  });
  await expect(verifyChecksums(folder)).rejects.toMatchObject({ code: 'checksum_mismatch' });
});

test('a listed file that is missing and weights that are not listed are refused', async () => {
  await verifyChecksums(folder);
  copyFileSync(join(DEMO_MODEL, 'model.safetensors'), join(folder, 'other.safetensors'));
  await expect(verifyChecksums(folder)).rejects.toThrow(/does not list other\.safetensors/);
  rmSync(join(folder, 'other.safetensors'));
  rmSync(join(folder, 'config.json'));
  await expect(verifyChecksums(folder)).rejects.toThrow(/config\.json is listed but missing/);
});

test('SHA256SUMS cannot name a file elsewhere', async () => {
  writeFileSync(join(folder, 'SHA256SUMS'), `${'0'.repeat(64)}  ../secret.json\n`);
  await expect(verifyChecksums(folder)).rejects.toMatchObject({ code: 'invalid_file' });
});

test('tensors lie where the header says', async () => {
  const tensors = await readSafetensorsHeader(join(folder, 'model.safetensors'));
  const bias = tensors.get('model.encoder.conv1.bias');
  expect(bias).toMatchObject({ type: 'F16', shape: [192], length: 384 });
  const fileBytes = readFileSync(join(folder, 'model.safetensors')).length;
  const ends = [...tensors.values()].map(({ offset, length }) => offset + length);
  expect(Math.max(...ends)).toBe(fileBytes);
});

test.each<[string, (bytes: Buffer) => Buffer]>([
  ['is cut off', (bytes) => bytes.subarray(0, bytes.length - 1)],
  ['is shorter than its prefix', () => Buffer.from([1, 2, 3])],
  ['is no safetensors file', () => Buffer.from('RIFF....WAVEfmt this is a recording')],
  ['has a header that is no JSON', (bytes) => Buffer.from(bytes).fill('{', 8, 100)],
])('a weights file that %s is refused', async (_, edit) => {
  change('model.safetensors', edit);
  await expect(readSafetensorsHeader(join(folder, 'model.safetensors'))).rejects.toMatchObject({
    code: 'invalid_file',
  });
});

test('a model of another kind is refused by name', async () => {
  change('config.json', (bytes) => Buffer.from(String(bytes).replace('"whisper"', '"wav2vec2"')));
  await expect(readDimensions(folder)).rejects.toMatchObject({ code: 'unsupported_model' });
  rmSync(join(folder, 'config.json'));
  await expect(readDimensions(folder)).rejects.toMatchObject({ code: 'missing_file' });
});
