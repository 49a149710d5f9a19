/** Hidden states → the decoder's cross-attention keys and values, once a window. */

import { GraphBuilder } from './onnx-graph.ts';
import { TransformerBlocks } from './transformer-blocks.ts';
import type { Weights } from './weights.ts';
import type { WhisperDimensions } from './whisper-config.ts';

/**
 * Input: `hidden_states` [1500, dModel] f32.
 * Outputs, a pair each layer: `cross_key.N` [heads, headSize, 1500] f32, transposed as the step's
 * matrix product wants it, and `cross_value.N` [heads, 1500, headSize] f32.
 */
export function crossAttentionGraph(weights: Weights, dimensions: WhisperDimensions): Uint8Array {
  const { dModel, nAudioPositions, decoderLayers, decoderHeads: heads } = dimensions;
  const graph = new GraphBuilder('cross_attention');
  const blocks = new TransformerBlocks(graph, weights);
  const headSize = dModel / heads;
  const states = graph.input('hidden_states', 'float32', [nAudioPositions, dModel]);
  for (let layer = 0; layer < decoderLayers; layer++) {
    const prefix = `model.decoder.layers.${layer}.encoder_attn`;
    const key = blocks.linear(`${prefix}.k_proj`, states, dModel, dModel, { bias: false });
    const value = blocks.linear(`${prefix}.v_proj`, states, dModel, dModel);
    const outputs: [string, string, number[], number[]][] = [
      [`cross_key.${layer}`, key, [1, 2, 0], [heads, headSize, nAudioPositions]],
      [`cross_value.${layer}`, value, [1, 0, 2], [heads, nAudioPositions, headSize]],
    ];
    for (const [name, projected, permutation, shape] of outputs) {
      const split = blocks.splitHeads(projected, heads, permutation);
      graph.node('Identity', [split], { outputs: [name] });
      graph.output(name, 'float32', shape);
    }
  }
  return graph.toBytes();
}
