import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadWhisper, openInferenceEngine } from '@amanuensis/pipeline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { recordChecksums, verifyChecksums } from '../../packages/pipeline/src/model/checksums.ts';
import { readSafetensorsHeader } from '../../packages/pipeline/src/model/safetensors.ts';
import {
  readDimensions,
  readGenerationConfig,
} from '../../packages/pipeline/src/model/whisper-config.ts';
import { WhisperTokenizer } from '../../packages/pipeline/src/tokenizer/whisper-tokenizer.ts';
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

/** As loading does once the folder has proved to be a model. */
async function record(): Promise<void> {
  expect(await recordChecksums(folder, await verifyChecksums(folder))).toBe(true);
}

test('sums are recorded after the first load and hold at the second', async () => {
  const first = await verifyChecksums(folder);
  expect(first.outcome).toBe('unrecorded');
  expect([...first.sums.keys()]).toEqual(FILES);
  await record();
  expect((await verifyChecksums(folder)).outcome).toBe('verified');
});

test('one flipped bit in the weights is found', async () => {
  await record();
  change('model.safetensors', (bytes) => {
    bytes[bytes.length - 1000] = (bytes[bytes.length - 1000] ?? 0) ^ 1;
    return bytes;
  });
  await expect(verifyChecksums(folder)).rejects.toMatchObject({ code: 'checksum_mismatch' });
});

test('a listed file that is missing and weights that are not listed are refused', async () => {
  await record();
  copyFileSync(join(DEMO_MODEL, 'model.safetensors'), join(folder, 'other.safetensors'));
  await expect(verifyChecksums(folder)).rejects.toThrow(/does not list other\.safetensors/);
  rmSync(join(folder, 'other.safetensors'));
  rmSync(join(folder, 'config.json'));
  await expect(verifyChecksums(folder)).rejects.toThrow(/config\.json is listed but missing/);
});

test("sums of other files than the model's do not matter", async () => {
  await record();
  const sums = readFileSync(join(folder, 'SHA256SUMS'), 'utf8');
  writeFileSync(join(folder, 'SHA256SUMS'), `${sums}${'0'.repeat(64)}  README.md\n`);
  expect((await verifyChecksums(folder)).outcome).toBe('verified');
});

test('a folder that is no whole model is given no sums', async () => {
  change('model.safetensors', (bytes) => bytes.subarray(0, bytes.length - 1));
  const engine = await openInferenceEngine();
  const load = loadWhisper(folder, engine, { name: 'half', intraOpThreads: 1 });
  await expect(load).rejects.toMatchObject({ name: 'ModelError' });
  expect(existsSync(join(folder, 'SHA256SUMS'))).toBe(false);
});

test('a damaged tokenizer is an invalid file', async () => {
  writeFileSync(join(folder, 'tokenizer.json'), '{"added_tokens": 1}');
  const generation = await readGenerationConfig(folder);
  await expect(WhisperTokenizer.open(folder, generation)).rejects.toMatchObject({
    code: 'invalid_file',
  });
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
