/** The parts that Whisper's encoder and decoder are made of, in standard ONNX operators. */

import { addMatrix } from './matrix.ts';
import type { GraphBuilder } from './onnx-graph.ts';
import type { Weights } from './weights.ts';

/** PyTorch's default, which Whisper uses. */
const LAYER_NORM_EPSILON = 1e-5;

/** Writes blocks into one graph from one set of weights. Values are [positions, width] f32. */
export class TransformerBlocks {
  readonly graph: GraphBuilder;
  readonly weights: Weights;

  constructor(graph: GraphBuilder, weights: Weights) {
    this.graph = graph;
    this.weights = weights;
  }

  /** x [n, inSize] → x·Wᵀ + b [n, outSize]. Whisper's key projections have no bias. */
  linear(
    name: string,
    x: string,
    inSize: number,
    outSize: number,
    { bias = true }: { readonly bias?: boolean } = {},
  ): string {
    const { graph, weights } = this;
    const matrix = addMatrix(graph, weights, `${name}.weight`, [outSize, inSize]);
    return matrix.multiply(x, bias ? { bias: weights.add(graph, `${name}.bias`, [outSize]) } : {});
  }

  layerNorm(name: string, x: string, size: number): string {
    const { graph, weights } = this;
    const scale = weights.add(graph, `${name}.weight`, [size]);
    const bias = weights.add(graph, `${name}.bias`, [size]);
    return graph.node('LayerNormalization', [x, scale, bias], {
      attributes: { axis: -1, epsilon: { float: LAYER_NORM_EPSILON } },
    });
  }

  /** x/2 · (1 + erf(x/√2)): exact, in the pattern that ONNX Runtime fuses into one kernel. */
  gelu(x: string): string {
    const { graph } = this;
    const erf = graph.node('Erf', [graph.node('Div', [x, this.scalar(Math.SQRT2)])]);
    const gate = graph.node('Add', [erf, this.scalar(1)]);
    return graph.node('Mul', [graph.node('Mul', [x, gate]), this.scalar(0.5)]);
  }

  /** Layer norm, two linear maps with a GELU between them, and the residual. */
  feedForward(layer: string, x: string, size: number, ffnSize: number): string {
    const normed = this.layerNorm(`${layer}.final_layer_norm`, x, size);
    const hidden = this.gelu(this.linear(`${layer}.fc1`, normed, size, ffnSize));
    return this.add(x, this.linear(`${layer}.fc2`, hidden, ffnSize, size));
  }

  add(a: string, b: string): string {
    return this.graph.node('Add', [a, b]);
  }

  /** [n, heads·headSize] → permuted [n, heads, headSize]; `[1, 0, 2]` gives [heads, n, headSize]. */
  splitHeads(x: string, heads: number, permutation: readonly number[]): string {
    const split = this.reshape(x, [0, heads, -1]);
    return this.graph.node('Transpose', [split], { attributes: { perm: permutation } });
  }

  /** [heads, n, headSize] → [n, heads·headSize]. */
  joinHeads(x: string, size: number): string {
    const rows = this.graph.node('Transpose', [x], { attributes: { perm: [1, 0, 2] } });
    return this.reshape(rows, [-1, size]);
  }

  /**
   * softmax(q·k/√headSize)·v.
   *
   * @param q [heads, n, headSize]
   * @param kT keys, transposed: [heads, headSize, m]
   * @param v [heads, m, headSize]
   * @returns [heads, n, headSize]
   */
  attention(q: string, kT: string, v: string, headSize: number): string {
    return this.graph.node('MatMul', [this.attentionWeights(q, kT, headSize), v]);
  }

  /** softmax(q·k/√headSize): how much each of n queries heeds each of m keys, [heads, n, m]. */
  attentionWeights(q: string, kT: string, headSize: number): string {
    const { graph } = this;
    const scaled = graph.node('Mul', [q, this.scalar(1 / Math.sqrt(headSize))]);
    const scores = graph.node('MatMul', [scaled, kT]);
    return graph.node('Softmax', [scores], { attributes: { axis: -1 } });
  }

  reshape(x: string, shape: readonly number[]): string {
    const dims = BigInt64Array.from(shape.map(BigInt));
    return this.graph.node('Reshape', [x, this.graph.literal('int64', [shape.length], dims)]);
  }

  /** x's n rows, each on its own: [1, size]. */
  splitRows(x: string, n: number): readonly string[] {
    if (n === 1) return [x];
    const outputs = Array.from({ length: n }, (_, row) => `${x}.${row}`);
    this.graph.node('Split', [x], { outputs, attributes: { axis: 0 } });
    return outputs;
  }

  joinRows(rows: readonly string[]): string {
    const [only] = rows;
    if (only !== undefined && rows.length === 1) return only;
    return this.graph.node('Concat', rows, { attributes: { axis: 0 } });
  }

  /** The entries of x at `indices`, along an axis. */
  gather(x: string, indices: readonly number[], axis: number): string {
    const at = this.graph.literal('int64', [indices.length], BigInt64Array.from(indices, BigInt));
    return this.graph.node('Gather', [x, at], { attributes: { axis } });
  }

  /** x[:, :n] */
  firstColumns(x: string, n: number): string {
    const bound = (value: number): string =>
      this.graph.literal('int64', [1], BigInt64Array.of(BigInt(value)));
    return this.graph.node('Slice', [x, bound(0), bound(n), bound(1)]);
  }

  /** A float32 constant without dimensions. */
  scalar(value: number): string {
    return this.graph.literal('float32', [], Float32Array.of(value));
  }
}
