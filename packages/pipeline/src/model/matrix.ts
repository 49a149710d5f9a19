/** A weight matrix of a graph, in the precision that it is stored in. */

import { BLOCK_SIZE, ZERO_CODE } from './block-quantisation.ts';
import type { GraphBuilder } from './onnx-graph.ts';
import { toFloat32, type Weights } from './weights.ts';

export interface ProductOptions {
  /** [outSize] f32 */
  readonly bias?: string;
  readonly outputs?: readonly string[];
}

/** W [outSize, inSize] */
export interface Matrix {
  /** x [n, inSize] f32 → x·Wᵀ + bias [n, outSize] f32. */
  multiply(x: string, options?: ProductOptions): string;
  /** Its rows at indices [n] i32 → [n, inSize] f32. */
  rowsAt(indices: string): string;
}

/** @throws ModelError `unsupported_model` as {@link Weights.addStored}. */
export function addMatrix(
  graph: GraphBuilder,
  weights: Weights,
  name: string,
  shape: readonly [outSize: number, inSize: number],
): Matrix {
  return weights.isQuantised(name)
    ? new BlockMatrix(graph, weights.addQuantised(graph, name, shape), shape)
    : new FloatMatrix(graph, weights, name, shape);
}

class FloatMatrix implements Matrix {
  readonly #graph: GraphBuilder;
  readonly #stored: string;
  readonly #isFloat32: boolean;

  constructor(graph: GraphBuilder, weights: Weights, name: string, shape: readonly number[]) {
    this.#graph = graph;
    this.#stored = weights.addStored(graph, name, shape);
    this.#isFloat32 = weights.isFloat32(name);
  }

  multiply(x: string, { bias, outputs }: ProductOptions = {}): string {
    const inputs = [x, this.#toFloat32(this.#stored), ...(bias === undefined ? [] : [bias])];
    const attributes = { transB: 1 };
    return this.#graph.node('Gemm', inputs, { attributes, ...(outputs && { outputs }) });
  }

  rowsAt(indices: string): string {
    return this.#toFloat32(this.#graph.node('Gather', [this.#stored, indices]));
  }

  #toFloat32(value: string): string {
    return this.#isFloat32 ? value : toFloat32(this.#graph, value);
  }
}

/** What `block-quantisation.ts` makes of a matrix. */
class BlockMatrix implements Matrix {
  readonly #graph: GraphBuilder;
  /** [outSize, blocks, BLOCK_SIZE] u8 */
  readonly #codes: string;
  /** [outSize, blocks] f32 */
  readonly #scales: string;
  readonly #outSize: number;
  readonly #inSize: number;

  constructor(
    graph: GraphBuilder,
    { codes, scales }: { readonly codes: string; readonly scales: string },
    [outSize, inSize]: readonly [number, number],
  ) {
    this.#graph = graph;
    this.#codes = codes;
    this.#scales = scales;
    this.#outSize = outSize;
    this.#inSize = inSize;
  }

  multiply(x: string, { bias, outputs }: ProductOptions = {}): string {
    // Zero points (all 128) and the order of columns are left out.
    const optional = bias === undefined ? [] : ['', '', bias];
    return this.#graph.node('MatMulNBits', [x, this.#codes, this.#scales, ...optional], {
      domain: 'com.microsoft',
      attributes: {
        K: this.#inSize,
        N: this.#outSize,
        bits: 8,
        block_size: BLOCK_SIZE,
        // x is quantised too, block by block: without it a step takes 70 times as long.
        accuracy_level: 4,
      },
      ...(outputs && { outputs }),
    });
  }

  rowsAt(indices: string): string {
    const graph = this.#graph;
    const gathered = (table: string) => graph.node('Gather', [table, indices]);
    const reshape = (value: string, shape: readonly number[]) =>
      graph.node('Reshape', [value, graph.literal('int64', [shape.length], int64(shape))]);
    const zero = graph.literal('float32', [], Float32Array.of(ZERO_CODE));
    const codes = graph.node('Sub', [toFloat32(graph, gathered(this.#codes)), zero]);
    const scales = reshape(gathered(this.#scales), [0, -1, 1]);
    return reshape(graph.node('Mul', [codes, scales]), [0, this.#inSize]);
  }
}

function int64(values: readonly number[]): BigInt64Array {
  return BigInt64Array.from(values, BigInt);
}
