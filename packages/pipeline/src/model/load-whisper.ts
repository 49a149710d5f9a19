/** A model folder → a Whisper that is ready to run. */

import { alignmentHeads } from '../alignment/alignment-heads.ts';
import type { InferenceEngine, InferenceSession, ModelGraph } from '../inference/inference-port.ts';
import { WhisperTokenizer } from '../tokenizer/whisper-tokenizer.ts';
import { fingerprintOf, recordChecksums, verifyChecksums } from './checksums.ts';
import type { Precision } from './convert-weights.ts';
import { LaneLayout } from './lane-layout.ts';
import {
  type GenerationConfig,
  readDimensions,
  readGenerationConfig,
  type WhisperDimensions,
} from './whisper-config.ts';
import { cachedGraphs, type GraphName, writtenGraphs } from './whisper-graphs.ts';

export interface WhisperSessions {
  readonly encoder: InferenceSession;
  readonly crossAttention: InferenceSession;
  readonly sequence: InferenceSession;
  readonly rows: InferenceSession;
}

export interface LoadOptions {
  /** Name under which jobs ask for it. */
  readonly name: string;
  /** Threads that one run of the encoder may use. */
  readonly intraOpThreads: number;
  /** Of the weights; `float32` unless given. `int8` needs `cacheFolder`. */
  readonly precision?: Precision;
  /**
   * Where graphs and converted weights are kept: as much as the model in int8 or, published with 16
   * bits, twice as much in float32. Without it weights of 16 bits are widened by each session.
   */
  readonly cacheFolder?: string;
  /**
   * Loads the encoder where it runs elsewhere than the rest, which is in float32 whatever the
   * precision of the rest; `fingerprint` is the model's.
   */
  readonly openEncoder?: (graph: ModelGraph, fingerprint: string) => Promise<InferenceSession>;
}

/** A loaded Whisper; whoever loaded it releases it. */
export interface WhisperModel {
  readonly name: string;
  readonly dimensions: WhisperDimensions;
  readonly generation: GenerationConfig;
  readonly tokenizer: WhisperTokenizer;
  readonly laneLayout: LaneLayout;
  readonly sessions: WhisperSessions;
  readonly precision: Precision;
  /** SHA-256 over all files of the model. */
  readonly fingerprint: string;
  /** Heads whose attention tells when a word is said. */
  readonly nAlignmentHeads: number;
  /** Loads the graph that answers it: only jobs that ask for word times need it. */
  openAlignment(): Promise<InferenceSession>;
  /** `unrecorded` where the folder has no `SHA256SUMS` and cannot be given any. */
  readonly checksums: 'verified' | 'recorded' | 'unrecorded';
  /** ONNX Runtime's name of the execution provider that the encoder runs on. */
  readonly executionProvider: string;
  /** Frees the sessions; pools made for the model are disposed first. */
  release(): Promise<void>;
}

/**
 * Verifies the folder's checksums, writes the graphs or takes them from the cache, and loads them
 * with weights that all sessions share where the engine can.
 *
 * @param folder a Whisper as Hugging Face publishes it.
 * @throws ModelError when the folder is not such a model, or `cache_failed`; InferenceError
 *   `invalid_model`.
 */
export async function loadWhisper(
  folder: string,
  engine: InferenceEngine,
  { name, intraOpThreads, precision = 'float32', cacheFolder, openEncoder }: LoadOptions,
): Promise<WhisperModel> {
  if (precision !== 'float32' && cacheFolder === undefined) {
    throw new RangeError(`${precision} weights need a cacheFolder to lie in`);
  }
  const report = await verifyChecksums(folder);
  const fingerprint = fingerprintOf(report);
  const dimensions = await readDimensions(folder);
  const generation = await readGenerationConfig(folder);
  const tokenizer = await WhisperTokenizer.open(folder, generation);
  const heads = alignmentHeads(generation.alignment_heads, dimensions);
  const shape = { dimensions, alignmentHeads: heads, endOfText: tokenizer.endOfText };
  const asPublished = await writtenGraphs(folder, shape);
  const readGraph =
    cacheFolder === undefined
      ? asPublished
      : await cachedGraphs(folder, shape, { cacheFolder, fingerprint, precision });

  const opened: InferenceSession[] = [];
  const sharedWeights = engine.shareWeights();
  const release = async (): Promise<void> => {
    for (const session of opened.splice(0)) await session.release();
    sharedWeights?.release();
  };
  const load = async (graph: GraphName): Promise<InferenceSession> => {
    const session = await engine.createSession(await readGraph(graph), {
      intraOpThreads,
      sharedWeights,
    });
    opened.push(session);
    return session;
  };
  const loadEncoder = async (): Promise<InferenceSession> => {
    if (openEncoder === undefined) return load('encoder');
    const session = await openEncoder(await asPublished('encoder'), fingerprint);
    opened.push(session);
    return session;
  };
  try {
    const sessions: WhisperSessions = {
      encoder: await loadEncoder(),
      crossAttention: await load('cross-attention'),
      sequence: await load('sequence'),
      rows: await load('rows'),
    };
    // Only now is the folder known to be a model, and not half of one.
    const isRecorded = report.outcome === 'unrecorded' && (await recordChecksums(folder, report));
    return {
      name,
      dimensions,
      generation,
      tokenizer,
      laneLayout: new LaneLayout(dimensions),
      sessions,
      precision,
      fingerprint,
      nAlignmentHeads: heads.length,
      openAlignment: () => load('alignment'),
      checksums: isRecorded ? 'recorded' : report.outcome,
      executionProvider: sessions.encoder.executionProvider,
      release,
    };
  } catch (error) {
    await release();
    throw error;
  }
}
