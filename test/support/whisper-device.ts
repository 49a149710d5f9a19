/** A Whisper on pools of its own, as a device worker lends it to its jobs, whose runs can be watched. */

import { type TranscriptionOptions, transcriptionOptionsSchema } from '@amanuensis/contract';
import {
  createWindowPools,
  type Device,
  loadVoiceActivity,
  loadWhisper,
  openInferenceEngine,
  type TranscribeOptions,
  type Transcription,
  transcribe,
  type VoiceActivityModel,
  type WhisperModel,
} from '@amanuensis/pipeline';
import type { z } from 'zod';
import type {
  InferenceSession,
  Tensor,
} from '../../packages/pipeline/src/inference/inference-port.ts';
import { DEMO_MODEL, VAD_MODEL } from './paths.ts';

const DEADLINE_MS = 600_000;

type Feeds = Readonly<Record<string, Tensor>>;

export type Stage =
  | 'voice activity'
  | 'encoder'
  | 'cross-attention'
  | 'decoder'
  | 'decoder of several lanes'
  | 'alignment';

export interface DeviceParts {
  /** 5 unless given. */
  readonly lanesPerJob?: number;
  /** That may run at once: 1 unless given. */
  readonly jobs?: number;
  /** Folder of the Whisper; the demonstration model's unless given. */
  readonly model?: string;
  /** Folder of the voice activity model; Silero's unless given. */
  readonly voiceActivity?: string;
}

export interface TestDevice extends Device, AsyncDisposable {
  /** Is told of each run, as soon as it is under way. */
  onRun: (stage: Stage, feeds: Feeds) => void;
  transcribe(
    path: string,
    options?: z.input<typeof transcriptionOptionsSchema>,
    more?: Partial<TranscribeOptions>,
  ): Promise<Transcription>;
  /** Slots in use, by pool: audio, mel, encoder_output, kv_cache. */
  slotsInUse(): number[];
  /** Most slots that were in use at once. */
  mostSlots(): number[];
}

export async function openDevice({
  lanesPerJob = 5,
  jobs = 1,
  model: folder = DEMO_MODEL,
  voiceActivity: vadFolder = VAD_MODEL,
}: DeviceParts = {}): Promise<TestDevice> {
  const engine = await openInferenceEngine();
  const onRun = (stage: Stage, feeds: Feeds): void => device.onRun(stage, feeds);
  const model = watchedModel(
    await loadWhisper(folder, engine, { name: 'test', intraOpThreads: 2 }),
    onRun,
  );
  const voiceActivity = watchedDetectors(await loadVoiceActivity(vadFolder, engine), onRun);
  const limit = { initial: 1, max: lanesPerJob * jobs };
  const limits = { audio: limit, mel: limit, encoder_output: limit, kv_cache: limit };
  const pools = await createWindowPools(model, limits, { lanesPerJob });
  let nJobs = 0;
  const device: TestDevice = {
    model,
    pools,
    voiceActivity,
    onRun: () => {},
    transcribe: (path, options = {}, more = {}) =>
      transcribe(
        { path, owner: `job ${nJobs++}` },
        { model, pools, voiceActivity },
        {
          signal: AbortSignal.timeout(DEADLINE_MS),
          maxDurationSeconds: 4 * 3600,
          options: parseOptions(options),
          ...more,
        },
      ),
    slotsInUse: () => pools.all.map((pool) => pool.stats().inUse),
    mostSlots: () => pools.all.map((pool) => pool.stats().highWaterMark),
    async [Symbol.asyncDispose]() {
      pools[Symbol.dispose]();
      await model.release();
      await voiceActivity.release();
    },
  };
  return device;
}

function parseOptions(options: z.input<typeof transcriptionOptionsSchema>): TranscriptionOptions {
  return transcriptionOptionsSchema.parse(options);
}

/** Tokens of a prompt, from what the decoder is fed with it; null for a single step. */
export function promptOf(stage: Stage, { tokens, logit_rows: rows }: Feeds): number[] | null {
  if (stage !== 'decoder' || tokens === undefined || rows?.data.length !== 2) return null;
  return [...(tokens.data as Int32Array)].slice(0, Number(rows.data[1]) + 1);
}

type OnRun = TestDevice['onRun'];

function watchedModel(model: WhisperModel, onRun: OnRun): WhisperModel {
  const { encoder, crossAttention, sequence, rows } = model.sessions;
  return {
    ...model,
    sessions: {
      encoder: watched(encoder, 'encoder', onRun),
      crossAttention: watched(crossAttention, 'cross-attention', onRun),
      sequence: watched(sequence, 'decoder', onRun),
      rows: watched(rows, 'decoder of several lanes', onRun),
    },
    openAlignment: async () => watched(await model.openAlignment(), 'alignment', onRun),
  };
}

function watched(session: InferenceSession, stage: Stage, onRun: OnRun): InferenceSession {
  const { inputs, outputs, executionProvider } = session;
  return {
    inputs,
    outputs,
    executionProvider,
    bind: (feeds, fetches) => {
      const binding = session.bind(feeds, fetches);
      return {
        run: (options) => {
          const running = binding.run(options);
          onRun(stage, feeds);
          return running;
        },
        [Symbol.dispose]: () => binding[Symbol.dispose](),
      };
    },
    release: () => session.release(),
  };
}

function watchedDetectors(model: VoiceActivityModel, onRun: OnRun): VoiceActivityModel {
  return {
    name: model.name,
    createDetector: () => {
      const detector = model.createDetector();
      return {
        detect: (pcm, out, signal) => {
          const running = detector.detect(pcm, out, signal);
          onRun('voice activity', {});
          return running;
        },
        [Symbol.dispose]: () => detector[Symbol.dispose](),
      };
    },
    release: () => model.release(),
  };
}
