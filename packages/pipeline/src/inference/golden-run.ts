/** Proves that an engine computes: a sum of two vectors, before anything else is trusted. */

import { GraphBuilder } from '../model/onnx-graph.ts';
import { type InferenceEngine, InferenceError } from './inference-port.ts';

const A = Float32Array.of(1.5, -2, 1e6);
const B = Float32Array.of(0.25, 2, -1);
const SUM = Float32Array.of(1.75, 0, 999_999);

/** @throws InferenceError `unavailable` when the sum is wrong. */
export async function goldenRun(engine: InferenceEngine): Promise<void> {
  const session = await engine.createSession(
    { bytes: sumGraph(), weightsFolder: '.' },
    { intraOpThreads: 1 },
  );
  try {
    const shape = [SUM.length];
    const sum = new Float32Array(SUM.length);
    using binding = session.bind(
      { a: { data: A, shape }, b: { data: B, shape } },
      { sum: { data: sum, shape } },
    );
    await binding.run();
    if (!SUM.every((value, index) => value === sum[index])) {
      const message = `ONNX Runtime ${engine.version} (${engine.name}) adds [${A}] and [${B}] to [${sum}]`;
      throw new InferenceError('unavailable', message);
    }
  } finally {
    await session.release();
  }
}

function sumGraph(): Uint8Array {
  const graph = new GraphBuilder('sum');
  const a = graph.input('a', 'float32', [SUM.length]);
  const b = graph.input('b', 'float32', [SUM.length]);
  graph.node('Add', [a, b], { outputs: ['sum'] });
  graph.output('sum', 'float32', [SUM.length]);
  return graph.toBytes();
}
