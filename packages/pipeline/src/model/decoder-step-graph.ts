/** One step of Whisper's decoder: one token in, logits out, the KV cache updated in place. */

import { GraphBuilder } from './onnx-graph.ts';
import { TransformerBlocks } from './transformer-blocks.ts';
import { toFloat32, type Weights } from './weights.ts';
import type { WhisperDimensions } from './whisper-config.ts';

/**
 * Inputs: `token` [1] i32; `position` [1] i32, which is how many tokens the cache holds;
 * `self_key.N`, `self_value.N` [1, heads, nTextPositions, headSize] f32; `cross_key.N` [heads,
 * headSize, 1500] f32, `cross_value.N` [heads, 1500, headSize] f32.
 *
 * Outputs: `logits` [1, vocabSize] f32; `new_self_key.N`, `new_self_value.N`: bound to the memory
 * of the inputs without `new_`, so that a step writes one row of them and copies nothing.
 *
 * Self-attention is ONNX Runtime's GroupQueryAttention, which takes the cache's fill level as
 * data: one graph serves every position.
 */
export function decoderStepGraph(weights: Weights, dimensions: WhisperDimensions): Uint8Array {
  const { dModel, nTextPositions, vocabSize, decoderLayers } = dimensions;
  const graph = new GraphBuilder('decoder_step');
  const blocks = new TransformerBlocks(graph, weights);

  const token = graph.input('token', 'int32', [1]);
  const position = graph.input('position', 'int32', [1]);
  const length = graph.node('Add', [
    position,
    graph.constant('one', 'int32', [1], Int32Array.of(1)),
  ]);
  const embeddings = weights.addStored(graph, 'model.decoder.embed_tokens.weight', [
    vocabSize,
    dModel,
  ]);
  const positions = weights.addStored(graph, 'model.decoder.embed_positions.weight', [
    nTextPositions,
    dModel,
  ]);
  let x = blocks.add(
    toFloat32(graph, graph.node('Gather', [embeddings, token])),
    toFloat32(graph, graph.node('Gather', [positions, position])),
  );
  for (let layer = 0; layer < decoderLayers; layer++) {
    const prefix = `model.decoder.layers.${layer}`;
    x = selfAttention(blocks, prefix, layer, x, { position, length }, dimensions);
    x = crossAttention(blocks, prefix, layer, x, dimensions);
    x = blocks.feedForward(prefix, x, dModel, dimensions.decoderFfnSize);
  }
  const last = blocks.layerNorm('model.decoder.layer_norm', x, dModel);
  graph.node('Gemm', [last, toFloat32(graph, embeddings)], {
    attributes: { transB: 1 },
    outputs: ['logits'],
  });
  graph.output('logits', 'float32', [1, vocabSize]);
  return graph.toBytes();
}

/** x [1, dModel] attends to the tokens so far; its own key and value join the cache. */
function selfAttention(
  blocks: TransformerBlocks,
  prefix: string,
  layer: number,
  x: string,
  { position, length }: { readonly position: string; readonly length: string },
  { dModel, decoderHeads: heads, nTextPositions }: WhisperDimensions,
): string {
  const { graph } = blocks;
  const normed = blocks.layerNorm(`${prefix}.self_attn_layer_norm`, x, dModel);
  const project = (name: string, bias = true): string => {
    const projected = blocks.linear(`${prefix}.self_attn.${name}`, normed, dModel, dModel, {
      bias,
    });
    return blocks.reshape(projected, [1, 1, dModel]);
  };
  const [q, k, v] = [project('q_proj'), project('k_proj', false), project('v_proj')];
  const cacheShape = [1, heads, nTextPositions, dModel / heads];
  const key = graph.input(`self_key.${layer}`, 'float32', cacheShape);
  const value = graph.input(`self_value.${layer}`, 'float32', cacheShape);
  const outputs = [`context.${layer}`, `new_self_key.${layer}`, `new_self_value.${layer}`] as const;
  const context = graph.node('GroupQueryAttention', [q, k, v, key, value, position, length], {
    domain: 'com.microsoft',
    attributes: { num_heads: heads, kv_num_heads: heads },
    outputs,
  });
  graph.output(outputs[1], 'float32', cacheShape);
  graph.output(outputs[2], 'float32', cacheShape);
  const row = blocks.reshape(context, [1, dModel]);
  return blocks.add(x, blocks.linear(`${prefix}.self_attn.out_proj`, row, dModel, dModel));
}

/** x [1, dModel] attends to the window's hidden states, whose keys and values are computed already. */
function crossAttention(
  blocks: TransformerBlocks,
  prefix: string,
  layer: number,
  x: string,
  { dModel, decoderHeads: heads, nAudioPositions }: WhisperDimensions,
): string {
  const { graph } = blocks;
  const headSize = dModel / heads;
  const kT = graph.input(`cross_key.${layer}`, 'float32', [heads, headSize, nAudioPositions]);
  const v = graph.input(`cross_value.${layer}`, 'float32', [heads, nAudioPositions, headSize]);
  const normed = blocks.layerNorm(`${prefix}.encoder_attn_layer_norm`, x, dModel);
  const projected = blocks.linear(`${prefix}.encoder_attn.q_proj`, normed, dModel, dModel);
  const q = blocks.splitHeads(projected, heads, [1, 0, 2]);
  const context = blocks.joinHeads(blocks.attention(q, kT, v, headSize), dModel);
  return blocks.add(x, blocks.linear(`${prefix}.encoder_attn.out_proj`, context, dModel, dModel));
}
