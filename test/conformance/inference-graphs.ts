/** Small graphs that each show one trait of an inference engine. */

import { GraphBuilder } from '../../packages/pipeline/src/model/onnx-graph.ts';
import { ONNX_DATA_TYPE } from '../../packages/pipeline/src/model/onnx-schema.ts';

/** out = in + 1, [size] float32. */
export function addOneGraph(size: number): Uint8Array {
  const graph = new GraphBuilder('add_one');
  const one = graph.constant('one', 'float32', [1], Float32Array.of(1));
  graph.node('Add', [graph.input('in', 'float32', [size]), one], { outputs: ['out'] });
  graph.output('out', 'float32', [size]);
  return graph.toBytes();
}

/** Each element type as an input and as an output, [2, 3]; uint8 is a scalar. */
export function elementTypesGraph(): Uint8Array {
  const graph = new GraphBuilder('element_types');
  const shape = [2, 3];
  const cast = (from: 'float16' | 'float32' | 'int32' | 'int64', to: typeof from) => {
    const input = graph.input(`${from}_in`, from, shape);
    graph.node('Cast', [input], {
      outputs: [`${to}_out`],
      attributes: { to: ONNX_DATA_TYPE[to] },
    });
    graph.output(`${to}_out`, to, shape);
  };
  cast('float16', 'float32');
  cast('float32', 'float16');
  cast('int32', 'int64');
  cast('int64', 'int32');
  graph.node('Identity', [graph.input('uint8_in', 'uint8', [])], { outputs: ['uint8_out'] });
  graph.output('uint8_out', 'uint8', []);
  return graph.toBytes();
}

export interface ForeignWeights {
  readonly location: string;
  readonly float32Offset: number;
  readonly float16Offset: number;
}

/** out = in * scale (float32) + bias (float16), [4]; both lie in a foreign file. */
export function foreignWeightsGraph(weights: ForeignWeights): Uint8Array {
  const graph = new GraphBuilder('foreign_weights');
  const { location } = weights;
  const scale = { location, offset: weights.float32Offset, length: 16 };
  const bias = { location, offset: weights.float16Offset, length: 8 };
  const bias32 = graph.node('Cast', [graph.external('bias', 'float16', [4], bias)], {
    attributes: { to: ONNX_DATA_TYPE.float32 },
  });
  const scaled = graph.node('Mul', [
    graph.input('in', 'float32', [4]),
    graph.external('scale', 'float32', [4], scale),
  ]);
  graph.node('Add', [scaled, bias32], { outputs: ['out'] });
  graph.output('out', 'float32', [4]);
  return graph.toBytes();
}

/** out = in · Wᵀ, [1, size] and [size, size]; W lies in a foreign file. */
export function matrixGraph(size: number, location: string, offset = 0): Uint8Array {
  const graph = new GraphBuilder('matrix');
  const place = { location, offset, length: size * size * Float32Array.BYTES_PER_ELEMENT };
  const matrix = graph.external('matrix', 'float32', [size, size], place);
  graph.node('Gemm', [graph.input('in', 'float32', [1, size]), matrix], {
    attributes: { transB: 1 },
    outputs: ['out'],
  });
  graph.output('out', 'float32', [1, size]);
  return graph.toBytes();
}

/** One row of attention over a cache of [1, 1, positions, headSize], one head. */
export function attentionGraph(positions: number, headSize: number): Uint8Array {
  const graph = new GraphBuilder('attention');
  const cache = [1, 1, positions, headSize];
  const inputs = [
    ...['query', 'key', 'value'].map((name) => graph.input(name, 'float32', [1, 1, headSize])),
    ...['past_key', 'past_value'].map((name) => graph.input(name, 'float32', cache)),
    ...['last_position', 'length'].map((name) => graph.input(name, 'int32', [1])),
  ];
  const outputs = ['context', 'present_key', 'present_value'];
  graph.node('GroupQueryAttention', inputs, {
    domain: 'com.microsoft',
    attributes: { num_heads: 1, kv_num_heads: 1 },
    outputs,
  });
  graph.output('context', 'float32', [1, 1, headSize]);
  graph.output('present_key', 'float32', cache);
  graph.output('present_value', 'float32', cache);
  return graph.toBytes();
}

/**
 * Multiplies x [size, size] with itself and scales it back, `steps` times: the longer, the more
 * steps. All-ones stays all-ones. Each step is short, so that a run may stop between two.
 */
export function longGraph(size: number, steps: number): Uint8Array {
  const graph = new GraphBuilder('long');
  addLongRun(graph, graph.input('in', 'float32', [size, size]), size, steps);
  return graph.toBytes();
}

/** As {@link longGraph}, with a second output `early` [2] that is there long before `out`. */
export function earlyAndLateGraph(size: number, steps: number): Uint8Array {
  const graph = new GraphBuilder('early_and_late');
  graph.node('Neg', [graph.input('early_in', 'float32', [2])], { outputs: ['early'] });
  graph.output('early', 'float32', [2]);
  addLongRun(graph, graph.input('in', 'float32', [size, size]), size, steps);
  return graph.toBytes();
}

function addLongRun(graph: GraphBuilder, ones: string, size: number, steps: number): void {
  const scale = graph.constant('scale', 'float32', [1], Float32Array.of(1 / size));
  let x = ones;
  for (let step = 0; step < steps; step++) {
    x = graph.node('Mul', [graph.node('MatMul', [x, ones]), scale]);
  }
  graph.node('Identity', [x], { outputs: ['out'] });
  graph.output('out', 'float32', [size, size]);
}

/** A model that holds `bytes` of weights itself: out = in + weights. */
export function heavyGraph(bytes: number): Uint8Array {
  const graph = new GraphBuilder('heavy');
  const weights = new Float32Array(bytes / Float32Array.BYTES_PER_ELEMENT).fill(1);
  const shape = [weights.length];
  const constant = graph.constant('weights', 'float32', shape, weights);
  graph.node('Add', [graph.input('in', 'float32', shape), constant], { outputs: ['out'] });
  graph.output('out', 'float32', shape);
  return graph.toBytes();
}

/** out = table[index], of 4 rows: an index beyond them fails while it runs. */
export function gatherGraph(): Uint8Array {
  const graph = new GraphBuilder('gather');
  const table = graph.constant('table', 'float32', [4], Float32Array.of(10, 11, 12, 13));
  graph.node('Gather', [table, graph.input('index', 'int32', [1])], { outputs: ['out'] });
  graph.output('out', 'float32', [1]);
  return graph.toBytes();
}

/** A graph with an input that the port has no type for. */
export function boolGraph(): Uint8Array {
  const graph = new GraphBuilder('bool');
  graph.node('Not', [graph.input('in', 'bool', [1])], { outputs: ['out'] });
  graph.output('out', 'bool', [1]);
  return graph.toBytes();
}

/** `tensors` inputs in0, in1 ... and outputs out0, out1 ... of [size] float32: out = -in. */
export function manyTensorsGraph(tensors: number, size: number): Uint8Array {
  const graph = new GraphBuilder('many_tensors');
  for (let index = 0; index < tensors; index++) {
    const input = graph.input(`in${index}`, 'float32', [size]);
    graph.node('Neg', [input], { outputs: [`out${index}`] });
    graph.output(`out${index}`, 'float32', [size]);
  }
  return graph.toBytes();
}
