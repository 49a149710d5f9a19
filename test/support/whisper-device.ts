/** A Whisper on pools of its own, as a device worker lends it to its jobs. */

import { type TranscriptionOptions, transcriptionOptionsSchema } from '@amanuensis/contract';
import {
  createWindowPools,
  type Device,
  type InferenceEngine,
  loadVoiceActivity,
  loadWhisper,
  openInferenceEngine,
  type TranscribeOptions,
  type Transcription,
  transcribe,
} from '@amanuensis/pipeline';
import type { z } from 'zod';
import { DEMO_MODEL, VAD_MODEL } from './paths.ts';

const DEADLINE_MS = 600_000;

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
  readonly engine: InferenceEngine;
  readonly lanesPerJob: number;
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
  const model = await loadWhisper(folder, engine, { name: 'test', intraOpThreads: 2 });
  const voiceActivity = await loadVoiceActivity(vadFolder, engine);
  const limit = { initial: 1, max: lanesPerJob * jobs };
  const limits = { audio: limit, mel: limit, encoder_output: limit, kv_cache: limit };
  const pools = await createWindowPools(model, limits, { lanesPerJob });
  let nJobs = 0;
  return {
    engine,
    model,
    pools,
    voiceActivity,
    lanesPerJob,
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
}

function parseOptions(options: z.input<typeof transcriptionOptionsSchema>): TranscriptionOptions {
  return transcriptionOptionsSchema.parse(options);
}
