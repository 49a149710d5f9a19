/**
 * Finds the tensors of a model folder, whose weights are one safetensors file or several.
 *
 * Several come with an index that says which tensor lies in which file: `model.safetensors.index.json`
 * with `{"weight_map": {"model.encoder.conv1.weight": "model-00001-of-00002.safetensors", ...}}`.
 */

import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ModelError } from './model-error.ts';
import { readOptionalModelJson } from './model-file.ts';
import { readSafetensorsHeader, type StoredTensor } from './safetensors.ts';

const WEIGHTS_FILE = 'model.safetensors';
const INDEX_FILE = 'model.safetensors.index.json';
/** A name alone: whatever it names lies in the folder, where checksums cover it. */
const SHARD_NAME = /^[^/\\.][^/\\]*\.safetensors$/;

export interface FolderTensor extends StoredTensor {
  /** Name of its file in the folder. */
  readonly fileName: string;
}

const indexSchema = z.object({
  weight_map: z.record(z.string(), z.string().regex(SHARD_NAME, 'names no file of the folder')),
});

/**
 * Tensors by name. Where the folder has both, the single file counts, as it does for others.
 *
 * @throws ModelError `missing_file`; `invalid_file` where a file is damaged, the index names a file
 *   outside the folder, or a tensor is not in the file that the index names.
 */
export async function readFolderTensors(
  folder: string,
): Promise<ReadonlyMap<string, FolderTensor>> {
  if (await exists(join(folder, WEIGHTS_FILE))) return readTensors(folder, WEIGHTS_FILE);
  const index = await readOptionalModelJson(folder, INDEX_FILE);
  if (index === null) {
    throw new ModelError('missing_file', `${folder} has no ${WEIGHTS_FILE} and no ${INDEX_FILE}`);
  }
  return readShards(folder, parseIndex(folder, index));
}

async function readShards(
  folder: string,
  shardOf: Readonly<Record<string, string>>,
): Promise<ReadonlyMap<string, FolderTensor>> {
  const shards = new Map<string, ReadonlyMap<string, FolderTensor>>();
  const tensors = new Map<string, FolderTensor>();
  for (const [name, fileName] of Object.entries(shardOf)) {
    const shard = shards.get(fileName) ?? (await readTensors(folder, fileName));
    shards.set(fileName, shard);
    const tensor = shard.get(name);
    if (tensor === undefined) {
      throw new ModelError(
        'invalid_file',
        `${join(folder, fileName)} has no ${name}, see its index`,
      );
    }
    tensors.set(name, tensor);
  }
  return tensors;
}

async function readTensors(
  folder: string,
  fileName: string,
): Promise<ReadonlyMap<string, FolderTensor>> {
  const stored = await readSafetensorsHeader(join(folder, fileName));
  return new Map([...stored].map(([name, tensor]) => [name, { ...tensor, fileName }]));
}

function parseIndex(folder: string, index: unknown): Readonly<Record<string, string>> {
  const parsed = indexSchema.safeParse(index);
  if (parsed.success) return parsed.data.weight_map;
  const reasons = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new ModelError('invalid_file', `${join(folder, INDEX_FILE)}: ${reasons.join('; ')}`);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
