/** Weights that sessions of the C API have in common: mapped once, packed once. */

import { join } from 'node:path';
import { type ExternalTensor, readExternalTensors } from '../model/onnx-schema.ts';
import type { ModelGraph, SharedWeights } from './inference-port.ts';
import { type Address, addressOf, type MappedFile, type mapFile } from './native-memory.ts';
import type { OrtEnvironment } from './ort-environment.ts';

/** A tensor of a graph and the OrtValue that takes its place. */
type SharedTensor = readonly [name: string, value: Address];

/**
 * ```
 * file ── mapped ──▶ OrtValue of each tensor ──▶ initializers of every session
 *                                                      │ packed by the first that needs it
 *                                                      ▼
 *                                      prepacked weights ──▶ kernels of every session
 * ```
 * ONNX Runtime packs matrices into panels that its kernels read faster, a copy for each session
 * unless their weights are OrtValues that the caller owns. The pages of a matrix that is packed are
 * never read again, so the system may take them back.
 *
 * whisper-base, four sessions: 338 MB instead of 572, loaded in two thirds of the time.
 */
export class CApiSharedWeights implements SharedWeights {
  /** ORT's OrtPrepackedWeightsContainer. */
  readonly packed: Address;
  readonly #ort: OrtEnvironment;
  readonly #mapFile: NonNullable<typeof mapFile>;
  readonly #files = new Map<string, MappedFile>();
  readonly #values = new Map<string, Address>();
  readonly #shapes: BigInt64Array[] = [];
  #isReleased = false;

  constructor(ort: OrtEnvironment, map: NonNullable<typeof mapFile>) {
    this.#ort = ort;
    this.#mapFile = map;
    this.packed = ort.library.create('CreatePrepackedWeightsContainer');
  }

  /** The external tensors of a graph; ORT itself loads or refuses those that cannot be shared. */
  tensorsOf({ bytes, weightsFolder }: ModelGraph): readonly SharedTensor[] {
    const shared: SharedTensor[] = [];
    for (const tensor of readExternalTensors(bytes)) {
      const value = this.#valueOf(weightsFolder, tensor);
      if (value !== undefined) shared.push([tensor.name, value]);
    }
    return shared;
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    const { library } = this.#ort;
    library.release('ReleasePrepackedWeightsContainer', this.packed);
    for (const value of this.#values.values()) library.release('ReleaseValue', value);
    for (const file of this.#files.values()) file.unmap();
  }

  #valueOf(folder: string, tensor: ExternalTensor): Address | undefined {
    const { location, offset, length, shape, dataType } = tensor;
    const path = join(folder, location);
    const key = `${path}:${offset}:${dataType}:${shape.join()}`;
    const known = this.#values.get(key);
    if (known !== undefined) return known;
    const elements = shape.reduce((product, size) => product * size, 1);
    // What is not aligned can be copied, but not be read where it lies.
    if (length === 0 || offset % (length / elements) !== 0) return undefined;
    const file = this.#open(path);
    // A page beyond the end of a file ends the process that reads it.
    if (file === undefined || offset + length > file.bytes) return undefined;
    const value = this.#createValue(file.address + BigInt(offset), tensor);
    this.#values.set(key, value);
    return value;
  }

  #createValue(address: Address, { length, shape, dataType }: ExternalTensor): Address {
    const sizes = BigInt64Array.from(shape, BigInt);
    this.#shapes.push(sizes);
    return this.#ort.library.create(
      'CreateTensorWithDataAsOrtValue',
      this.#ort.cpuMemory,
      address,
      length,
      addressOf(sizes),
      sizes.length,
      dataType,
    );
  }

  #open(path: string): MappedFile | undefined {
    const known = this.#files.get(path);
    if (known !== undefined) return known;
    try {
      const file = this.#mapFile(path);
      this.#files.set(path, file);
      return file;
    } catch {
      return undefined;
    }
  }
}
