/** Brings the tensors of a safetensors file into a graph without copying them. */

import { join } from 'node:path';
import { BLOCK_SIZE, codesOf, scalesOf } from './block-quantisation.ts';
import { ModelError } from './model-error.ts';
import type { GraphBuilder } from './onnx-graph.ts';
import { ONNX_DATA_TYPE, type OnnxElementType } from './onnx-schema.ts';
import { type FolderTensor, readFolderTensors } from './safetensors-folder.ts';

const FLOATS = new Map<string, OnnxElementType>([
  ['F32', 'float32'],
  ['F16', 'float16'],
  ['BF16', 'bfloat16'],
]);
const CODES = new Map<string, OnnxElementType>([['U8', 'uint8']]);

/** Tensors by name, as a graph reads them: external data in the files where they were published. */
export class Weights {
  readonly #folder: string;
  readonly #tensors: ReadonlyMap<string, FolderTensor>;

  private constructor(folder: string, tensors: ReadonlyMap<string, FolderTensor>) {
    this.#folder = folder;
    this.#tensors = tensors;
  }

  /**
   * Of a model folder, from one file or from several with an index.
   *
   * @throws ModelError `missing_file`, `invalid_file`.
   */
  static async open(folder: string): Promise<Weights> {
    return new Weights(folder, await readFolderTensors(folder));
  }

  /**
   * Adds a tensor as it is stored and answers its value.
   *
   * @throws ModelError `unsupported_model` when it is missing, has another shape, or a type that is
   *   no floating-point number of 16 or 32 bits.
   */
  addStored(graph: GraphBuilder, name: string, shape: readonly number[]): string {
    return this.#addExternal(graph, name, shape, FLOATS);
  }

  /** Whether a matrix is stored as codes and scales, see `block-quantisation.ts`. */
  isQuantised(name: string): boolean {
    return this.#tensors.has(codesOf(name));
  }

  isFloat32(name: string): boolean {
    return this.#tensors.get(name)?.type === 'F32';
  }

  /** Adds the two tensors of a quantised matrix [outSize, inSize]. */
  addQuantised(
    graph: GraphBuilder,
    name: string,
    [outSize, inSize]: readonly [number, number],
  ): { readonly codes: string; readonly scales: string } {
    const nBlocks = inSize / BLOCK_SIZE;
    return {
      codes: this.#addExternal(graph, codesOf(name), [outSize, nBlocks, BLOCK_SIZE], CODES),
      scales: this.addStored(graph, scalesOf(name), [outSize, nBlocks]),
    };
  }

  /** Adds a tensor widened to float32; ONNX Runtime folds the Cast when it loads the graph. */
  add(graph: GraphBuilder, name: string, shape: readonly number[]): string {
    const stored = this.addStored(graph, name, shape);
    return this.isFloat32(name) ? stored : toFloat32(graph, stored);
  }

  #addExternal(
    graph: GraphBuilder,
    name: string,
    shape: readonly number[],
    types: ReadonlyMap<string, OnnxElementType>,
  ): string {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) {
      throw new ModelError('unsupported_model', `${this.#folder} has no tensor ${name}`);
    }
    const { type, fileName: location, offset, length } = tensor;
    const what = `${join(this.#folder, location)}: ${name}`;
    if (tensor.shape.join() !== shape.join()) {
      throw new ModelError(
        'unsupported_model',
        `${what} has the shape [${tensor.shape}], not [${shape}]`,
      );
    }
    const elementType = types.get(type);
    if (elementType === undefined) {
      throw new ModelError(
        'unsupported_model',
        `${what} is stored as ${type}, and weights are read as ${[...types.keys()].join(', ')}: ` +
          'take the model as it was before it was quantised',
      );
    }
    return graph.external(name, elementType, shape, { location, offset, length });
  }
}

/** A value cast to float32. */
export function toFloat32(graph: GraphBuilder, value: string): string {
  return graph.node('Cast', [value], { attributes: { to: ONNX_DATA_TYPE.float32 } });
}
