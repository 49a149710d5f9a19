/** Whisper's encoder: log-mel spectrogram → hidden states. Standard operators, static shapes. */

import { WINDOW_FRAMES } from '../hyperparameters.ts';
import { GraphBuilder } from './onnx-graph.ts';
import { TransformerBlocks } from './transformer-blocks.ts';
import type { Weights } from './weights.ts';
import type { WhisperDimensions } from './whisper-config.ts';

const CONVOLUTION_SIZE = 3;

/**
 * Inputs: `mel` [1, nMels, 3000] f32. Outputs: `hidden_states` [1500, dModel] f32.
 *
 * Two convolutions with GELU (the second halves the frames), learned or sinusoidal positions as
 * the file has them, pre-norm transformer layers, a last layer norm.
 */
export function encoderGraph(weights: Weights, dimensions: WhisperDimensions): Uint8Array {
  const { nMels, dModel, nAudioPositions, encoderLayers } = dimensions;
  const graph = new GraphBuilder('encoder');
  const blocks = new TransformerBlocks(graph, weights);

  const mel = graph.input('mel', 'float32', [1, nMels, WINDOW_FRAMES]);
  const first = blocks.gelu(convolution(blocks, 'model.encoder.conv1', mel, nMels, dModel, 1));
  const second = blocks.gelu(convolution(blocks, 'model.encoder.conv2', first, dModel, dModel, 2));
  const frames = graph.node('Transpose', [second], { attributes: { perm: [0, 2, 1] } });
  const positions = weights.add(graph, 'model.encoder.embed_positions.weight', [
    nAudioPositions,
    dModel,
  ]);
  let x = blocks.add(blocks.reshape(frames, [nAudioPositions, dModel]), positions);
  for (let layer = 0; layer < encoderLayers; layer++) {
    x = encoderLayer(blocks, `model.encoder.layers.${layer}`, x, dimensions);
  }
  const last = blocks.layerNorm('model.encoder.layer_norm', x, dModel);
  graph.node('Identity', [last], { outputs: ['hidden_states'] });
  graph.output('hidden_states', 'float32', [nAudioPositions, dModel]);
  return graph.toBytes();
}

function convolution(
  { graph, weights }: TransformerBlocks,
  name: string,
  x: string,
  inChannels: number,
  outChannels: number,
  stride: number,
): string {
  const kernel = weights.add(graph, `${name}.weight`, [outChannels, inChannels, CONVOLUTION_SIZE]);
  const bias = weights.add(graph, `${name}.bias`, [outChannels]);
  return graph.node('Conv', [x, kernel, bias], {
    attributes: { kernel_shape: [CONVOLUTION_SIZE], strides: [stride], pads: [1, 1] },
  });
}

/** Self-attention over all positions, then the feed-forward part. x: [nAudioPositions, dModel]. */
function encoderLayer(
  blocks: TransformerBlocks,
  layer: string,
  x: string,
  { dModel, encoderHeads: heads, encoderFfnSize }: WhisperDimensions,
): string {
  const normed = blocks.layerNorm(`${layer}.self_attn_layer_norm`, x, dModel);
  const project = (name: string, bias = true): string =>
    blocks.linear(`${layer}.self_attn.${name}`, normed, dModel, dModel, { bias });
  const q = blocks.splitHeads(project('q_proj'), heads, [1, 0, 2]);
  const kT = blocks.splitHeads(project('k_proj', false), heads, [1, 2, 0]);
  const v = blocks.splitHeads(project('v_proj'), heads, [1, 0, 2]);
  const context = blocks.joinHeads(blocks.attention(q, kT, v, dModel / heads), dModel);
  const attended = blocks.add(
    x,
    blocks.linear(`${layer}.self_attn.out_proj`, context, dModel, dModel),
  );
  return blocks.feedForward(layer, attended, dModel, encoderFfnSize);
}
