/** Writes the weights of a model once more, in the form that sessions of a precision read best. */

import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { BLOCK_SIZE, codesOf, quantiseBlocks, scalesOf } from './block-quantisation.ts';
import { ModelError } from './model-error.ts';
import { safetensorsHeader, type TensorDescription } from './safetensors.ts';
import { type FolderTensor, readFolderTensors } from './safetensors-folder.ts';
import { FLOAT_BYTES, type FloatType, isFloatType, widenFloats } from './widen-floats.ts';

/**
 * `float32`: as the model was published. `int8`: matrices in blocks of 8-bit codes, a quarter of
 * their memory and half of the time of a decoder step.
 */
export const PRECISIONS = ['float32', 'int8'] as const;
export type Precision = (typeof PRECISIONS)[number];

/** Weights of one turn of the event loop: about 1 ms. */
const CHUNK_WEIGHTS = 4096 * BLOCK_SIZE;
/** All that are products with hidden states; convolutions and positions are few and stay. */
const MATRIX = /\.(\w+_proj|fc[12]|embed_tokens)\.weight$/;
/** What a graph reads: the tied output projection, which some files repeat, has another prefix. */
const WHISPER_TENSOR = /^model\./;

interface NamedTensor extends FolderTensor {
  readonly name: string;
  readonly type: FloatType;
}

/**
 * Whether the published weights are read where they lie. Numbers of 16 bits are not: each session
 * would widen them into memory of its own.
 *
 * @throws ModelError `missing_file`, `invalid_file`, `unsupported_model`.
 */
export async function readsAsPublished(folder: string, precision: Precision): Promise<boolean> {
  const tensors = await readTensors(folder);
  return precision === 'float32' && tensors.every(({ type }) => type === 'F32');
}

/**
 * @param folder of the published model.
 * @param outPath a safetensors file that is not there yet: float32 tensors under their names, and
 *   of matrices in int8 what `block-quantisation.ts` makes of them.
 * @throws ModelError as {@link readsAsPublished}; an error of `node:fs` where it cannot be written.
 */
export async function convertWeights(
  folder: string,
  precision: Precision,
  outPath: string,
): Promise<void> {
  const tensors = await readTensors(folder);
  const files = new Map<string, FileHandle>();
  const out = await open(outPath, 'wx');
  try {
    const conversion = new Conversion(out);
    await out.writeFile(safetensorsHeader(tensors.flatMap((tensor) => outcome(tensor, precision))));
    for (const tensor of tensors) {
      const path = join(folder, tensor.fileName);
      const file = files.get(path) ?? (await open(path));
      files.set(path, file);
      if (isQuantised(tensor, precision)) await conversion.quantise(tensor, file);
      else await conversion.widen(tensor, file);
    }
  } finally {
    for (const file of [out, ...files.values()]) await file.close();
  }
}

async function readTensors(folder: string): Promise<readonly NamedTensor[]> {
  const tensors: NamedTensor[] = [];
  for (const [name, tensor] of await readFolderTensors(folder)) {
    if (!WHISPER_TENSOR.test(name)) continue;
    const { type } = tensor;
    if (!isFloatType(type)) {
      const message = `${join(folder, tensor.fileName)}: ${name} is stored as ${type}`;
      throw new ModelError('unsupported_model', message);
    }
    tensors.push({ ...tensor, name, type });
  }
  return tensors;
}

function isQuantised({ name, shape }: NamedTensor, precision: Precision): boolean {
  const [, inSize = 0] = shape;
  return (
    precision === 'int8' && shape.length === 2 && inSize % BLOCK_SIZE === 0 && MATRIX.test(name)
  );
}

/** What a tensor becomes in the new file. */
function outcome(tensor: NamedTensor, precision: Precision): readonly TensorDescription[] {
  const { name, shape } = tensor;
  if (!isQuantised(tensor, precision)) return [{ name, type: 'F32', shape }];
  const [outSize = 0, inSize = 0] = shape;
  const nBlocks = inSize / BLOCK_SIZE;
  return [
    { name: codesOf(name), type: 'U8', shape: [outSize, nBlocks, BLOCK_SIZE] },
    { name: scalesOf(name), type: 'F32', shape: [outSize, nBlocks] },
  ];
}

/** Reads, converts and appends tensors, a chunk at a time in the same memory. */
class Conversion {
  readonly #out: FileHandle;
  readonly #stored = new Uint8Array(CHUNK_WEIGHTS * FLOAT_BYTES.F32);
  readonly #weights = new Float32Array(CHUNK_WEIGHTS);
  readonly #codes = new Uint8Array(CHUNK_WEIGHTS);

  constructor(out: FileHandle) {
    this.#out = out;
  }

  async widen(tensor: NamedTensor, file: FileHandle): Promise<void> {
    for await (const weights of this.#chunks(tensor, file)) await this.#append(weights);
  }

  async quantise(tensor: NamedTensor, file: FileHandle): Promise<void> {
    const nWeights = tensor.length / FLOAT_BYTES[tensor.type];
    const scales = new Float32Array(nWeights / BLOCK_SIZE);
    let nBlocks = 0;
    for await (const weights of this.#chunks(tensor, file)) {
      const codes = this.#codes.subarray(0, weights.length);
      const fresh = scales.subarray(nBlocks, nBlocks + weights.length / BLOCK_SIZE);
      quantiseBlocks(weights, codes, fresh);
      nBlocks += fresh.length;
      await this.#append(codes);
    }
    await this.#append(scales);
  }

  /** The tensor's weights in order; each chunk lies where the one before it lay. */
  async *#chunks({ name, fileName, type, offset, length }: NamedTensor, file: FileHandle) {
    const chunkBytes = CHUNK_WEIGHTS * FLOAT_BYTES[type];
    for (let at = 0; at < length; at += chunkBytes) {
      const bytes = this.#stored.subarray(0, Math.min(chunkBytes, length - at));
      const { bytesRead } = await file.read(bytes, 0, bytes.length, offset + at);
      if (bytesRead < bytes.length) {
        throw new ModelError('invalid_file', `${fileName} ends within ${name}`);
      }
      const weights = this.#weights.subarray(0, bytes.length / FLOAT_BYTES[type]);
      widenFloats(type, bytes, weights);
      yield weights;
    }
  }

  async #append({ buffer, byteOffset, byteLength }: ArrayBufferView): Promise<void> {
    await this.#out.writeFile(new Uint8Array(buffer, byteOffset, byteLength));
  }
}
