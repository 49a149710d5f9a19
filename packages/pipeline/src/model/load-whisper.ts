/** A model folder → a Whisper that is ready to run. */

import { MAX_HYPOTHESES } from '@amanuensis/contract';
import { alignmentHeads } from '../alignment/alignment-heads.ts';
import type { InferenceEngine, InferenceSession, ModelGraph } from '../inference/inference-port.ts';
import { WhisperTokenizer } from '../tokenizer/whisper-tokenizer.ts';
import { fingerprintOf, recordChecksums, verifyChecksums } from './checksums.ts';
import { crossAttentionGraph } from './cross-attention-graph.ts';
import { decoderGraph } from './decoder-graph.ts';
import { encoderGraph } from './encoder-graph.ts';
import { LaneLayout } from './lane-layout.ts';
import { Weights } from './weights.ts';
import {
  type GenerationConfig,
  readDimensions,
  readGenerationConfig,
  type WhisperDimensions,
} from './whisper-config.ts';

/** Lanes that one run of the decoder serves: as many as a job may follow hypotheses. */
const ROWS_PER_RUN = MAX_HYPOTHESES;

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
  /** Loads the encoder where it runs elsewhere than the rest; `fingerprint` is the model's. */
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
 * Verifies the folder's checksums, writes the graphs, and loads them with the weights where they
 * lie.
 *
 * @param folder a Whisper as Hugging Face publishes it.
 * @throws ModelError when the folder is not such a model; InferenceError `invalid_model`.
 */
export async function loadWhisper(
  folder: string,
  engine: InferenceEngine,
  { name, intraOpThreads, openEncoder }: LoadOptions,
): Promise<WhisperModel> {
  const report = await verifyChecksums(folder);
  const fingerprint = fingerprintOf(report);
  const dimensions = await readDimensions(folder);
  const generation = await readGenerationConfig(folder);
  const tokenizer = await WhisperTokenizer.open(folder, generation);
  const weights = await Weights.open(folder);
  const opened: InferenceSession[] = [];
  const release = async (): Promise<void> => {
    for (const session of opened.splice(0)) await session.release();
  };
  const load = async (bytes: Uint8Array): Promise<InferenceSession> => {
    const model = { bytes, weightsFolder: folder };
    const session = await engine.createSession(model, { intraOpThreads });
    opened.push(session);
    return session;
  };
  const loadEncoder = async (bytes: Uint8Array): Promise<InferenceSession> => {
    if (openEncoder === undefined) return load(bytes);
    const session = await openEncoder({ bytes, weightsFolder: folder }, fingerprint);
    opened.push(session);
    return session;
  };
  try {
    const sessions: WhisperSessions = {
      encoder: await loadEncoder(encoderGraph(weights, dimensions)),
      crossAttention: await load(crossAttentionGraph(weights, dimensions)),
      sequence: await load(decoderGraph(weights, dimensions, { kind: 'sequence' })),
      rows: await load(decoderGraph(weights, dimensions, { kind: 'rows', rows: ROWS_PER_RUN })),
    };
    const heads = alignmentHeads(generation.alignment_heads, dimensions);
    const { endOfText } = tokenizer;
    // Only now is the folder known to be a model, and not half of one.
    const isRecorded = report.outcome === 'unrecorded' && (await recordChecksums(folder, report));
    return {
      name,
      dimensions,
      generation,
      tokenizer,
      laneLayout: new LaneLayout(dimensions),
      sessions,
      fingerprint,
      nAlignmentHeads: heads.length,
      openAlignment: () =>
        load(decoderGraph(weights, dimensions, { kind: 'alignment', heads, endOfText })),
      checksums: isRecorded ? 'recorded' : report.outcome,
      executionProvider: sessions.encoder.executionProvider,
      release,
    };
  } catch (error) {
    await release();
    throw error;
  }
}
