/**
 * The memory of a device worker: every buffer that a window of audio passes through, allocated
 * once, and what is bound to it.
 *
 * ```
 * slab of windows (a shared WebAssembly.Memory, which the log-mel kernel works in)
 * ┌ kernel tables and scratch ┬ audio slots ┬ mel slots ┬ encoder_output slots ┐
 * slab of caches (its own, since those of big models exceed what WebAssembly can address)
 * ┌ kv_cache slots: one decoder lane each ┐
 * ```
 */

import { MAX_HYPOTHESES } from '@amanuensis/contract';
import { BufferManager, type BufferPool, type Leak, type Lease } from '@amanuensis/pool';
import { WordTimer } from './alignment/word-timer.ts';
import { DecoderLane } from './decoding/decoder-lane.ts';
import { LaneRuns } from './decoding/lane-runs.ts';
import { WINDOW_FRAMES, WINDOW_SAMPLES } from './hyperparameters.ts';
import type { ReclaimPages } from './inference/native-memory.ts';
import { JobSlots, type PoolName, type PoolsOf } from './job-slots.ts';
import { LogMelKernel } from './kernels/log-mel-kernel.ts';
import { Encoder } from './mel-to-hidden-states.ts';
import type { WhisperModel } from './model/load-whisper.ts';

/**
 * Windows that one job works on at once, and hypotheses that it follows at once, at most: what a
 * beam or several samples of a window take.
 */
export const DEFAULT_LANES_PER_JOB = MAX_HYPOTHESES;

/** Slots that one job holds at most; with the pools' maxima it gives how many jobs may run. */
export function slotsPerJob(lanesPerJob: number): Readonly<Record<PoolName, number>> {
  return {
    audio: lanesPerJob,
    mel: lanesPerJob,
    encoder_output: lanesPerJob,
    kv_cache: lanesPerJob,
  };
}

export type PoolLimits = Readonly<
  Record<PoolName, { readonly initial: number; readonly max: number }>
>;

/**
 * Window pools as large as those of a busy machine; lanes, which cost most, decide how many jobs
 * run: two. Most jobs follow one hypothesis, and a slot that is never asked for costs nothing.
 */
export const DEFAULT_POOL_LIMITS: PoolLimits = {
  audio: { initial: 5, max: 15 },
  mel: { initial: 10, max: 20 },
  encoder_output: { initial: 5, max: 15 },
  kv_cache: { initial: 1, max: 10 },
};

export interface WindowPoolsOptions {
  /** {@link DEFAULT_LANES_PER_JOB} unless given. */
  readonly lanesPerJob?: number;
  /**
   * Slots beyond `initial` that are unused for so long give their memory back to the system; never
   * unless given, nor where the system does not take it (all but Linux).
   */
  readonly idleMs?: number;
  /** A lease that is older counts as leaked; never unless given. */
  readonly maxLeaseMs?: number;
  /** Is told of each leaked lease, once; a warning of the process unless given. */
  readonly onLeak?: (leak: Leak) => void;
}

type Manager = BufferManager<PoolsOf>;

export class WindowPools implements Disposable {
  readonly encoder: Encoder;
  readonly logMelKernel: LogMelKernel;
  readonly wordTimer: WordTimer;
  readonly #manager: Manager;
  readonly #lanesPerJob: number;
  readonly #runs: LaneRuns;
  readonly #model: WhisperModel;
  /** By slot of `kv_cache`. */
  readonly #lanes = new Map<number, DecoderLane>();

  constructor(model: WhisperModel, manager: Manager, kernel: LogMelKernel, lanesPerJob: number) {
    this.#model = model;
    this.#manager = manager;
    this.#lanesPerJob = lanesPerJob;
    this.#runs = new LaneRuns(model.sessions, model.dimensions.vocabSize);
    this.logMelKernel = kernel;
    this.wordTimer = new WordTimer({
      nHeads: model.nAlignmentHeads,
      dimensions: model.dimensions,
      openSession: () => model.openAlignment(),
    });
    this.encoder = new Encoder(model.sessions.encoder);
  }

  /** In the order of the configuration: audio, mel, encoder_output, kv_cache. */
  get all(): readonly BufferPool<'float32'>[] {
    return this.#manager.all;
  }

  /** Bytes of both slabs with every pool at its maximum. */
  get bytesMax(): number {
    return this.#manager.plan.bytesMax;
  }

  /**
   * Lends one job the slots of its first window; it may ask for more of them.
   *
   * @param owner the job's id.
   * @throws PoolExhausted when more jobs run than `concurrencyFor` the pools allows: a bug.
   */
  acquire(owner: string): JobSlots {
    return new JobSlots({
      owner,
      manager: this.#manager,
      dimensions: this.#model.dimensions,
      lanesPerJob: this.#lanesPerJob,
      laneOf: (cache) => this.#laneOf(cache),
    });
  }

  /** Unbinds the memory from the model's sessions; no job may run. */
  [Symbol.dispose](): void {
    this.#manager[Symbol.dispose]();
    this.encoder[Symbol.dispose]();
    this.#runs[Symbol.dispose]();
    this.wordTimer[Symbol.dispose]();
    for (const lane of this.#lanes.values()) lane[Symbol.dispose]();
    this.#lanes.clear();
  }

  #laneOf(cache: Lease<'float32'>): DecoderLane {
    const known = this.#lanes.get(cache.slot);
    if (known !== undefined) return known;
    const lane = new DecoderLane(cache.view, this.#model.laneLayout, this.#runs);
    this.#lanes.set(cache.slot, lane);
    return lane;
  }
}

/** Reserves the memory of a device worker for `model`; `limits` are in slots. */
export async function createWindowPools(
  model: WhisperModel,
  limits: PoolLimits,
  { lanesPerJob = DEFAULT_LANES_PER_JOB, idleMs, maxLeaseMs, onLeak }: WindowPoolsOptions = {},
): Promise<WindowPools> {
  const { nMels, nAudioPositions, dModel } = model.dimensions;
  const reclaim = idleMs === undefined ? undefined : await importReclaimPages();
  const pool = (name: PoolName, slab: string, ...shape: number[]) => ({
    elementType: 'float32' as const,
    shape,
    slab,
    initial: limits[name].initial,
    max: limits[name].max,
    ...(maxLeaseMs !== undefined && { maxLeaseMs }),
    ...(reclaim && { reclaim }),
  });
  const manager: Manager = new BufferManager<PoolsOf>({
    pools: {
      audio: pool('audio', 'windows', WINDOW_SAMPLES),
      mel: pool('mel', 'windows', nMels, WINDOW_FRAMES),
      encoder_output: pool('encoder_output', 'windows', nAudioPositions, dModel),
      kv_cache: pool('kv_cache', 'caches', model.laneLayout.elements),
    },
    extraBytes: { windows: LogMelKernel.memoryBytes(nMels) },
    // A slot whose memory stays would only count as given back.
    ...(reclaim && idleMs !== undefined && { idleMs }),
    ...(onLeak && { onLeak }),
  });
  const kernel = await LogMelKernel.create(manager.slab('windows'), nMels);
  return new WindowPools(model, manager, kernel, lanesPerJob);
}

/** Undefined where the foreign-function interface has no build, or the system no such call. */
async function importReclaimPages(): Promise<ReclaimPages | undefined> {
  try {
    const { reclaimPages } = await import('./inference/native-memory.ts');
    return reclaimPages;
  } catch {
    return undefined;
  }
}
