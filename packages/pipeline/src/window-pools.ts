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

import { BufferManager, type BufferPool, type Lease, type PoolConfig } from '@amanuensis/pool';
import { DecoderLane } from './decoding/decoder-lane.ts';
import { WINDOW_FRAMES, WINDOW_SAMPLES } from './hyperparameters.ts';
import type { Tensor } from './inference/inference-port.ts';
import type { ReclaimPages } from './inference/native-memory.ts';
import { LogMelKernel } from './kernels/log-mel-kernel.ts';
import { Encoder } from './mel-to-hidden-states.ts';
import type { WhisperModel } from './model/load-whisper.ts';

export const POOL_NAMES = ['audio', 'mel', 'encoder_output', 'kv_cache'] as const;
export type PoolName = (typeof POOL_NAMES)[number];

/** Slots that one job holds at most; with the pools' maxima it gives how many jobs may run. */
export const SLOTS_PER_JOB: Readonly<Record<PoolName, number>> = {
  audio: 1,
  mel: 1,
  encoder_output: 1,
  kv_cache: 1,
};

export type PoolLimits = Readonly<
  Record<PoolName, { readonly initial: number; readonly max: number }>
>;

/** Window pools as large as those of a busy machine; lanes, which cost most, decide how many jobs run. */
export const DEFAULT_POOL_LIMITS: PoolLimits = {
  audio: { initial: 5, max: 15 },
  mel: { initial: 10, max: 20 },
  encoder_output: { initial: 5, max: 15 },
  kv_cache: { initial: 1, max: 2 },
};

export interface WindowPoolsOptions {
  /**
   * Slots beyond `initial` that are unused for so long give their memory back to the system; never
   * unless given, nor where the system does not take it (all but Linux).
   */
  readonly idleMs?: number;
  /** A lease that is older counts as leaked; never unless given. */
  readonly maxLeaseMs?: number;
}

/** What one recording holds while it runs; disposing it gives every slot back. */
export interface JobSlots extends Disposable {
  /** [480000] f32. */
  readonly pcm: Float32Array;
  /** [nMels, 3000] f32. */
  readonly mel: Tensor & { readonly data: Float32Array };
  /** [1500, dModel] f32. */
  readonly hiddenStates: Tensor;
  readonly lane: DecoderLane;
}

type PoolsOf = Readonly<Record<PoolName, PoolConfig & { readonly elementType: 'float32' }>>;
type Manager = BufferManager<PoolsOf>;

export class WindowPools implements Disposable {
  readonly encoder: Encoder;
  readonly logMelKernel: LogMelKernel;
  readonly #manager: Manager;
  readonly #model: WhisperModel;
  /** By slot of `kv_cache`. */
  readonly #lanes = new Map<number, DecoderLane>();

  constructor(model: WhisperModel, manager: Manager, kernel: LogMelKernel) {
    this.#model = model;
    this.#manager = manager;
    this.logMelKernel = kernel;
    this.encoder = new Encoder(model.sessions.encoder);
  }

  /** In the order of {@link POOL_NAMES}. */
  get all(): readonly BufferPool<'float32'>[] {
    return this.#manager.all;
  }

  /** Bytes of both slabs with every pool at its maximum. */
  get bytesMax(): number {
    return this.#manager.plan.bytesMax;
  }

  /**
   * Lends one job its slots of every pool, or none of any.
   *
   * @param owner the job's id.
   * @throws PoolExhausted when more jobs run than `concurrencyFor` the pools allows: a bug.
   */
  acquire(owner: string): JobSlots {
    const { nMels, nAudioPositions, dModel } = this.#model.dimensions;
    const leases = this.#manager.acquireAll(owner, POOL_NAMES);
    try {
      return {
        pcm: leases.audio.view,
        mel: { data: leases.mel.view, shape: [1, nMels, WINDOW_FRAMES] },
        hiddenStates: { data: leases.encoder_output.view, shape: [nAudioPositions, dModel] },
        lane: this.#laneOf(leases.kv_cache),
        [Symbol.dispose]: () => leases[Symbol.dispose](),
      };
    } catch (error) {
      leases[Symbol.dispose]();
      throw error;
    }
  }

  /** Unbinds the memory from the model's sessions; no job may run. */
  [Symbol.dispose](): void {
    this.#manager[Symbol.dispose]();
    this.encoder[Symbol.dispose]();
    for (const lane of this.#lanes.values()) lane[Symbol.dispose]();
    this.#lanes.clear();
  }

  #laneOf(cache: Lease<'float32'>): DecoderLane {
    const known = this.#lanes.get(cache.slot);
    if (known !== undefined) return known;
    const lane = new DecoderLane(cache.view, this.#model.laneLayout, this.#model.sessions);
    this.#lanes.set(cache.slot, lane);
    return lane;
  }
}

/** Reserves the memory of a device worker for `model`; `limits` are in slots. */
export async function createWindowPools(
  model: WhisperModel,
  limits: PoolLimits,
  { idleMs, maxLeaseMs }: WindowPoolsOptions = {},
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
  });
  return new WindowPools(model, manager, await LogMelKernel.create(manager.slab('windows'), nMels));
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
