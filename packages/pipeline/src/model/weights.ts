/** Brings the tensors of a safetensors file into a graph without copying them. */

import { basename } from 'node:path';
import { ModelError } from './model-error.ts';
import type { GraphBuilder } from './onnx-graph.ts';
import { ONNX_DATA_TYPE, type OnnxElementType } from './onnx-schema.ts';
import { readSafetensorsHeader, type SafetensorsType, type StoredTensor } from './safetensors.ts';

const ELEMENT_TYPE: Readonly<Record<SafetensorsType, OnnxElementType>> = {
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
};

/** Tensors by name, as a graph reads them: external data in the file where they were published. */
export class Weights {
  readonly #path: string;
  readonly #tensors: ReadonlyMap<string, StoredTensor>;

  private constructor(path: string, tensors: ReadonlyMap<string, StoredTensor>) {
    this.#path = path;
    this.#tensors = tensors;
  }

  static async open(path: string): Promise<Weights> {
    return new Weights(path, await readSafetensorsHeader(path));
  }

  /**
   * Adds a tensor as it is stored and answers its value.
   *
   * @throws ModelError `unsupported_model` when it is missing or has another shape.
   */
  addStored(graph: GraphBuilder, name: string, shape: readonly number[]): string {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) {
      throw new ModelError('unsupported_model', `${this.#path} has no tensor ${name}`);
    }
    if (tensor.shape.join() !== shape.join()) {
      throw new ModelError(
        'unsupported_model',
        `${this.#path}: ${name} has the shape [${tensor.shape}], not [${shape}]`,
      );
    }
    const { type, offset, length } = tensor;
    const location = basename(this.#path);
    return graph.external(name, ELEMENT_TYPE[type], shape, { location, offset, length });
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
