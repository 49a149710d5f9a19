/** Whisper's decoder: tokens in, logits out, the self-attention caches updated in place. */

import { addMatrix } from './matrix.ts';
import { type Dimension, GraphBuilder } from './onnx-graph.ts';
import { TransformerBlocks } from './transformer-blocks.ts';
import type { Weights } from './weights.ts';
import type { WhisperDimensions } from './whisper-config.ts';

/** A head of the decoder's cross-attention that follows what is being said. */
export type AlignmentHead = readonly [layer: number, head: number];

/** What the inputs `tokens` and `positions` hold, and what is asked of it. */
export type DecoderUse =
  /** Any number of tokens of one hypothesis: a prompt at once, or one step. */
  | { readonly kind: 'sequence' }
  /** One token each of several hypotheses, each at a position of its own. */
  | { readonly kind: 'rows'; readonly rows: number }
  /** All tokens of a text that is known, for the times of its words. */
  | {
      readonly kind: 'alignment';
      readonly heads: readonly AlignmentHead[];
      /** Targets are text: tokens below it. */
      readonly endOfText: number;
    };

/**
 * Inputs: `tokens` [n] i32; `positions` [n] i32, of a sequence one after the other, the last one
 * saying how far the cache reaches after the run. For each layer L and row R (0 where there is one):
 * `self_key.L.R`, `self_value.L.R` [1, heads, nTextPositions, headSize] f32; `cross_key.L.R` [heads,
 * headSize, 1500] f32, `cross_value.L.R` [heads, 1500, headSize] f32.
 *
 * Outputs: `new_self_key.L.R`, `new_self_value.L.R`, bound to the memory of the inputs without
 * `new_`, so that a step writes one row of them and copies nothing; and
 * - sequence: `logits` [k, vocabSize] f32 of the tokens at the indices `logit_rows` [k] i32;
 * - rows: `logits` [rows, vocabSize] f32;
 * - alignment: `attention` [nHeads, n, 1500] f32, the cross-attention of the alignment heads, and
 *   `target_logprobs` [n, 1] f32, the log-probability among all text tokens of the input `targets`
 *   [n, 1] i32, each as what follows the token at its position.
 *
 * Self-attention is ONNX Runtime's GroupQueryAttention, which takes the cache's fill level as data:
 * one graph serves every position. Every row has a node of its own, for its caches lie in a slot of
 * their own; all that reads weights is shared by the rows.
 */
export function decoderGraph(
  weights: Weights,
  dimensions: WhisperDimensions,
  use: DecoderUse,
): Uint8Array {
  const { dModel, nTextPositions, vocabSize, decoderLayers } = dimensions;
  const graph = new GraphBuilder(`decoder_${use.kind}`);
  const blocks = new TransformerBlocks(graph, weights);
  const nRows = use.kind === 'rows' ? use.rows : 1;
  const n: Dimension = use.kind === 'rows' ? use.rows : 'n';

  const tokens = graph.input('tokens', 'int32', [n]);
  const positions = graph.input('positions', 'int32', [n]);
  // Whisper ties the two: what a token is read as is what its logit is a product with.
  const embeddings = addMatrix(graph, weights, 'model.decoder.embed_tokens.weight', [
    vocabSize,
    dModel,
  ]);
  const positionEmbeddings = addMatrix(graph, weights, 'model.decoder.embed_positions.weight', [
    nTextPositions,
    dModel,
  ]);
  let x = blocks.add(embeddings.rowsAt(tokens), positionEmbeddings.rowsAt(positions));
  const decoder: DecoderParts = {
    blocks,
    dimensions,
    spans: cacheSpans(blocks, positions, nRows),
    alignmentHeads: use.kind === 'alignment' ? use.heads : [],
    attention: [],
  };
  for (let layer = 0; layer < decoderLayers; layer++) {
    const prefix = `model.decoder.layers.${layer}`;
    x = selfAttention(decoder, prefix, layer, x);
    x = crossAttention(decoder, prefix, layer, x);
    x = blocks.feedForward(prefix, x, dModel, dimensions.decoderFfnSize);
  }
  const last = blocks.layerNorm('model.decoder.layer_norm', x, dModel);
  const logits = { outputs: ['logits'] };
  if (use.kind === 'alignment') {
    addTargetLogprobs(blocks, embeddings.multiply(last), use.endOfText);
    graph.node('Concat', decoder.attention, { attributes: { axis: 0 }, outputs: ['attention'] });
    graph.output('attention', 'float32', [use.heads.length, n, dimensions.nAudioPositions]);
  } else if (use.kind === 'rows') {
    embeddings.multiply(last, logits);
    graph.output('logits', 'float32', [n, vocabSize]);
  } else {
    const wanted = graph.input('logit_rows', 'int32', ['k']);
    embeddings.multiply(graph.node('Gather', [last, wanted]), logits);
    graph.output('logits', 'float32', ['k', vocabSize]);
  }
  return graph.toBytes();
}

/** Where a row's tokens stand in its cache. */
interface CacheSpan {
  /** [1] i32, of the last token. */
  readonly lastPosition: string;
  /** [1] i32, one more. */
  readonly length: string;
}

interface DecoderParts {
  readonly blocks: TransformerBlocks;
  readonly dimensions: WhisperDimensions;
  /** By row. */
  readonly spans: readonly CacheSpan[];
  readonly alignmentHeads: readonly AlignmentHead[];
  /** Cross-attention of these heads so far, [some heads, n, 1500] each. */
  readonly attention: string[];
}

function cacheSpans(blocks: TransformerBlocks, positions: string, nRows: number): CacheSpan[] {
  const { graph } = blocks;
  const one = graph.constant('one', 'int32', [1], Int32Array.of(1));
  const last =
    nRows === 1 ? [blocks.gather(positions, [-1], 0)] : blocks.splitRows(positions, nRows);
  return last.map((lastPosition) => ({
    lastPosition,
    length: graph.node('Add', [lastPosition, one]),
  }));
}

/** x [n, dModel] attends to the tokens so far; its own keys and values join the caches. */
function selfAttention(decoder: DecoderParts, prefix: string, layer: number, x: string): string {
  const { blocks, dimensions, spans } = decoder;
  const { graph } = blocks;
  const { dModel, decoderHeads: heads, nTextPositions } = dimensions;
  const normed = blocks.layerNorm(`${prefix}.self_attn_layer_norm`, x, dModel);
  const project = (name: string, bias = true): readonly string[] => {
    const projected = blocks.linear(`${prefix}.self_attn.${name}`, normed, dModel, dModel, {
      bias,
    });
    const rows = blocks.splitRows(projected, spans.length);
    return rows.map((row) => blocks.reshape(row, [1, -1, dModel]));
  };
  const [q, k, v] = [project('q_proj'), project('k_proj', false), project('v_proj')];
  const cacheShape = [1, heads, nTextPositions, dModel / heads];
  const contexts = spans.map(({ lastPosition, length }, row) => {
    const at = `${layer}.${row}`;
    const key = graph.input(`self_key.${at}`, 'float32', cacheShape);
    const value = graph.input(`self_value.${at}`, 'float32', cacheShape);
    const outputs = [`context.${at}`, `new_self_key.${at}`, `new_self_value.${at}`] as const;
    const inputs = [q[row], k[row], v[row], key, value, lastPosition, length] as string[];
    const context = graph.node('GroupQueryAttention', inputs, {
      domain: 'com.microsoft',
      attributes: { num_heads: heads, kv_num_heads: heads },
      outputs,
    });
    graph.output(outputs[1], 'float32', cacheShape);
    graph.output(outputs[2], 'float32', cacheShape);
    return blocks.reshape(context, [-1, dModel]);
  });
  const context = blocks.joinRows(contexts);
  return blocks.add(x, blocks.linear(`${prefix}.self_attn.out_proj`, context, dModel, dModel));
}

/** x [n, dModel] attends to its window's hidden states, whose keys and values are computed already. */
function crossAttention(decoder: DecoderParts, prefix: string, layer: number, x: string): string {
  const { blocks, dimensions, spans, alignmentHeads, attention } = decoder;
  const { graph } = blocks;
  const { dModel, decoderHeads: heads, nAudioPositions } = dimensions;
  const headSize = dModel / heads;
  const normed = blocks.layerNorm(`${prefix}.encoder_attn_layer_norm`, x, dModel);
  const projected = blocks.linear(`${prefix}.encoder_attn.q_proj`, normed, dModel, dModel);
  const contexts = blocks.splitRows(projected, spans.length).map((row, index) => {
    const at = `${layer}.${index}`;
    const kT = graph.input(`cross_key.${at}`, 'float32', [heads, headSize, nAudioPositions]);
    const v = graph.input(`cross_value.${at}`, 'float32', [heads, nAudioPositions, headSize]);
    const q = blocks.splitHeads(row, heads, [1, 0, 2]);
    const shares = blocks.attentionWeights(q, kT, headSize);
    const wanted = alignmentHeads.filter((head) => head[0] === layer).map((head) => head[1]);
    if (wanted.length > 0) attention.push(blocks.gather(shares, wanted, 0));
    return blocks.joinHeads(graph.node('MatMul', [shares, v]), dModel);
  });
  const context = blocks.joinRows(contexts);
  return blocks.add(x, blocks.linear(`${prefix}.encoder_attn.out_proj`, context, dModel, dModel));
}

/** log softmax(logits[:, :endOfText])[targets]. */
function addTargetLogprobs(blocks: TransformerBlocks, logits: string, endOfText: number): void {
  const { graph } = blocks;
  const targets = graph.input('targets', 'int32', ['n', 1]);
  const text = blocks.firstColumns(logits, endOfText);
  const logprobs = graph.node('LogSoftmax', [text], { attributes: { axis: -1 } });
  graph.node('GatherElements', [logprobs, targets], {
    attributes: { axis: 1 },
    outputs: ['target_logprobs'],
  });
  graph.output('target_logprobs', 'float32', ['n', 1]);
}
