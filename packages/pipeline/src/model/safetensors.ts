/**
 * Reads and writes the header of a safetensors file: which tensors it holds and where their bytes
 * lie.
 *
 * Layout (https://huggingface.co/docs/safetensors): u64 little-endian length of the header, the
 * header as JSON, then the data; offsets of the header count from the data's start.
 */

import { open } from 'node:fs/promises';
import { z } from 'zod';
import { ModelError } from './model-error.ts';

/** A header beyond this is damage, not a model: large-v3 has 100 kB. */
const MAX_HEADER_BYTES = 32 * 1024 * 1024;
const LENGTH_BYTES = 8;
const DATA_ALIGNMENT = 64;

/** Of the types whose tensors are checked here; there are others, which no Whisper needs. */
const BYTES_PER_ELEMENT: Readonly<Record<string, number>> = { F32: 4, F16: 2, BF16: 2, U8: 1 };

export interface StoredTensor {
  /** As safetensors names it: `F32`, `F16`, `BF16`, `I8`, ... */
  readonly type: string;
  readonly shape: readonly number[];
  /** Position of its first byte in the file. */
  readonly offset: number;
  readonly length: number;
}

const entrySchema = z.object({
  dtype: z.string(),
  shape: z.array(z.int().min(0)),
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
});

/**
 * The tensors of the file by name.
 *
 * @throws ModelError `missing_file`; `invalid_file` when the header is damaged or a tensor does
 *   not lie inside the file.
 */
export async function readSafetensorsHeader(path: string): Promise<Map<string, StoredTensor>> {
  const { header, dataOffset, fileBytes } = await readHeader(path);
  const tensors = new Map<string, StoredTensor>();
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    tensors.set(name, toStoredTensor(`${path}: ${name}`, value, dataOffset, fileBytes));
  }
  return tensors;
}

export interface TensorDescription {
  readonly name: string;
  readonly type: 'F32' | 'U8';
  readonly shape: readonly number[];
}

/** The beginning of a file; the bytes of the tensors follow, in this order and without gaps. */
export function safetensorsHeader(tensors: readonly TensorDescription[]): Uint8Array {
  let end = 0;
  const entries = tensors.map(({ name, type, shape }) => {
    const begin = end;
    end += shape.reduce((product, size) => product * size, BYTES_PER_ELEMENT[type] ?? 0);
    return [name, { dtype: type, shape, data_offsets: [begin, end] }] as const;
  });
  const text = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const dataOffset = Math.ceil((LENGTH_BYTES + text.length) / DATA_ALIGNMENT) * DATA_ALIGNMENT;
  // Spaces after the JSON bring the data to a multiple of what processors read at once.
  const header = Buffer.alloc(dataOffset, ' ');
  header.writeBigUInt64LE(BigInt(dataOffset - LENGTH_BYTES));
  header.set(text, LENGTH_BYTES);
  return header;
}

async function readHeader(path: string) {
  const file = await open(path).catch((error: Error) => {
    throw new ModelError('missing_file', `${path} cannot be opened`, { cause: error });
  });
  try {
    const { size: fileBytes } = await file.stat();
    const prefix = Buffer.alloc(LENGTH_BYTES);
    await file.read(prefix, 0, LENGTH_BYTES, 0);
    const headerBytes = Number(prefix.readBigUInt64LE());
    if (headerBytes > MAX_HEADER_BYTES || LENGTH_BYTES + headerBytes > fileBytes) {
      throw new ModelError('invalid_file', `${path} is no safetensors file, or it is cut off`);
    }
    const text = Buffer.alloc(headerBytes);
    await file.read(text, 0, headerBytes, LENGTH_BYTES);
    const header = parseHeader(path, text.toString('utf8'));
    return { header, dataOffset: LENGTH_BYTES + headerBytes, fileBytes };
  } finally {
    await file.close();
  }
}

function parseHeader(path: string, text: string): Record<string, unknown> {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(text));
  } catch (error) {
    throw new ModelError('invalid_file', `${path} has a damaged header`, { cause: error });
  }
}

function toStoredTensor(
  what: string,
  value: unknown,
  dataOffset: number,
  fileBytes: number,
): StoredTensor {
  const entry = entrySchema.safeParse(value);
  if (!entry.success) throw new ModelError('invalid_file', `${what} is described wrongly`);
  const { dtype, shape, data_offsets } = entry.data;
  const [begin, end] = data_offsets;
  const length = end - begin;
  const elementBytes = BYTES_PER_ELEMENT[dtype];
  const hasItsLength =
    elementBytes === undefined ||
    length === shape.reduce((product, size) => product * size, elementBytes);
  if (length < 0 || !hasItsLength || dataOffset + end > fileBytes) {
    throw new ModelError('invalid_file', `${what} does not lie inside the file`);
  }
  return { type: dtype, shape, offset: dataOffset + begin, length };
}
