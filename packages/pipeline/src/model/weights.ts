/** Brings the tensors of a safetensors file into a graph without copying them. */

import { join } from 'node:path';
import { ModelError } from './model-error.ts';
import type { GraphBuilder } from './onnx-graph.ts';
import { ONNX_DATA_TYPE, type OnnxElementType } from './onnx-schema.ts';
import { type FolderTensor, readFolderTensors } from './safetensors-folder.ts';

const ELEMENT_TYPE = new Map<string, OnnxElementType>([
  ['F32', 'float32'],
  ['F16', 'float16'],
  ['BF16', 'bfloat16'],
]);

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
    const elementType = ELEMENT_TYPE.get(type);
    if (elementType === undefined) {
      throw new ModelError(
        'unsupported_model',
        `${what} is stored as ${type}, and weights are read as ${[...ELEMENT_TYPE.keys()].join(', ')}: ` +
          'take the model as it was before it was quantised',
      );
    }
    return graph.external(name, elementType, shape, { location, offset, length });
  }

  /** Adds a tensor widened to float32; ONNX Runtime folds the Cast when it loads the graph. */
  add(graph: GraphBuilder, name: string, shape: readonly number[]): string {
    const stored = this.addStored(graph, name, shape);
    return this.#tensors.get(name)?.type === 'F32' ? stored : toFloat32(graph, stored);
  }
}

/** A value cast to float32. */
export function toFloat32(graph: GraphBuilder, value: string): string {
  return graph.node('Cast', [value], { attributes: { to: ONNX_DATA_TYPE.float32 } });
}
