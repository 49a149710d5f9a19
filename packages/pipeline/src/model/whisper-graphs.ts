/** The graphs of a Whisper, and the folder that their weights lie in. */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MAX_HYPOTHESES } from '@amanuensis/contract';
import type { ModelGraph } from '../inference/inference-port.ts';
import { convertWeights, type Precision, readsAsPublished } from './convert-weights.ts';
import { crossAttentionGraph } from './cross-attention-graph.ts';
import { type AlignmentHead, decoderGraph } from './decoder-graph.ts';
import { encoderGraph } from './encoder-graph.ts';
import { openCacheEntry } from './graph-cache.ts';
import { Weights } from './weights.ts';
import type { WhisperDimensions } from './whisper-config.ts';

/** Raised with every change of what is written for a model: a test knows the bytes of each. */
export const GRAPH_VERSION = 1;

/** Lanes that one run of the decoder serves: as many as a job may follow hypotheses. */
const ROWS_PER_RUN = MAX_HYPOTHESES;

/** What the graphs of a model are shaped by, beside its weights. */
export interface WhisperShape {
  readonly dimensions: WhisperDimensions;
  readonly alignmentHeads: readonly AlignmentHead[];
  readonly endOfText: number;
}

type GraphWriter = (weights: Weights, shape: WhisperShape) => Uint8Array;

const GRAPHS = {
  encoder: (weights, { dimensions }) => encoderGraph(weights, dimensions),
  'cross-attention': (weights, { dimensions }) => crossAttentionGraph(weights, dimensions),
  sequence: (weights, { dimensions }) => decoderGraph(weights, dimensions, { kind: 'sequence' }),
  rows: (weights, { dimensions }) =>
    decoderGraph(weights, dimensions, { kind: 'rows', rows: ROWS_PER_RUN }),
  alignment: (weights, { dimensions, alignmentHeads: heads, endOfText }) =>
    decoderGraph(weights, dimensions, { kind: 'alignment', heads, endOfText }),
} as const satisfies Readonly<Record<string, GraphWriter>>;

export type GraphName = keyof typeof GRAPHS;
export const GRAPH_NAMES = Object.keys(GRAPHS) as readonly GraphName[];

export type GraphReader = (name: GraphName) => Promise<ModelGraph>;

/** Graphs over the weights as they were published, written when they are asked for. */
export async function writtenGraphs(folder: string, shape: WhisperShape): Promise<GraphReader> {
  const weights = await Weights.open(folder);
  return async (name) => ({ bytes: GRAPHS[name](weights, shape), weightsFolder: folder });
}

export interface CachedGraphsOptions {
  readonly cacheFolder: string;
  /** SHA-256 over the files of the model. */
  readonly fingerprint: string;
  readonly precision: Precision;
}

/**
 * Graphs from the cache, over the published weights where those are what a session reads best, and
 * over converted ones beside the graphs where they are not.
 *
 * @throws ModelError `unsupported_model` as the graphs' writers, `cache_failed`.
 */
export async function cachedGraphs(
  folder: string,
  shape: WhisperShape,
  { cacheFolder, fingerprint, precision }: CachedGraphsOptions,
): Promise<GraphReader> {
  const asPublished = await readsAsPublished(folder, precision);
  const parts = [fingerprint, precision, JSON.stringify(shape), String(ROWS_PER_RUN)];
  const key = { version: GRAPH_VERSION, parts };
  const entry = await openCacheEntry(cacheFolder, key, async (fresh) => {
    if (!asPublished) await convertWeights(folder, precision, join(fresh, 'model.safetensors'));
    const weights = await Weights.open(asPublished ? folder : fresh);
    for (const name of GRAPH_NAMES) {
      await writeFile(join(fresh, `${name}.onnx`), GRAPHS[name](weights, shape));
    }
  });
  const weightsFolder = asPublished ? folder : entry;
  return async (name) => ({ bytes: await readFile(join(entry, `${name}.onnx`)), weightsFolder });
}
