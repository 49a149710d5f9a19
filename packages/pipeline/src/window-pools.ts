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

import { BufferPool, type Lease, Slab, slabBytesFor } from '@amanuensis/pool';
import { DecoderLane } from './decoding/decoder-lane.ts';
import { WINDOW_FRAMES, WINDOW_SAMPLES } from './hyperparameters.ts';
import type { Tensor } from './inference/inference-port.ts';
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

type Pools = Readonly<Record<PoolName, BufferPool<'float32'>>>;

export class WindowPools implements Disposable {
  /** In the order of {@link POOL_NAMES}. */
  readonly all: readonly BufferPool<'float32'>[];
  /** Bytes of both slabs with every pool at its maximum. */
  readonly bytesMax: number;
  readonly encoder: Encoder;
  readonly logMelKernel: LogMelKernel;
  readonly #pools: Pools;
  readonly #model: WhisperModel;
  /** By slot of `kv_cache`. */
  readonly #lanes = new Map<number, DecoderLane>();

  constructor(model: WhisperModel, pools: Pools, kernel: LogMelKernel, bytesMax: number) {
    this.#model = model;
    this.#pools = pools;
    this.all = POOL_NAMES.map((name) => pools[name]);
    this.bytesMax = bytesMax;
    this.logMelKernel = kernel;
    this.encoder = new Encoder(model.sessions.encoder);
  }

  /**
   * Lends one job its slots of every pool, or none of any.
   *
   * @param owner the job's id.
   * @throws PoolExhausted when more jobs run than `concurrencyFor` the pools allows: a bug.
   */
  acquire(owner: string): JobSlots {
    const { nMels, nAudioPositions, dModel } = this.#model.dimensions;
    const leases: Lease<'float32'>[] = [];
    const lend = (name: PoolName): Lease<'float32'> => {
      const lease = this.#pools[name].acquire(owner);
      leases.push(lease);
      return lease;
    };
    try {
      return {
        pcm: lend('audio').view,
        mel: { data: lend('mel').view, shape: [1, nMels, WINDOW_FRAMES] },
        hiddenStates: { data: lend('encoder_output').view, shape: [nAudioPositions, dModel] },
        lane: this.#laneOf(lend('kv_cache')),
        [Symbol.dispose]: () => giveBack(leases),
      };
    } catch (error) {
      giveBack(leases);
      throw error;
    }
  }

  /** Unbinds the memory from the model's sessions; no job may run. */
  [Symbol.dispose](): void {
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

function giveBack(leases: readonly Lease<'float32'>[]): void {
  for (const lease of leases) lease.release();
}

/** Allocates the memory of a device worker for `model`; `limits` are in slots. */
export async function createWindowPools(
  model: WhisperModel,
  limits: PoolLimits,
): Promise<WindowPools> {
  const { nMels, nAudioPositions, dModel } = model.dimensions;
  const shapes: Readonly<Record<PoolName, readonly number[]>> = {
    audio: [WINDOW_SAMPLES],
    mel: [nMels, WINDOW_FRAMES],
    encoder_output: [nAudioPositions, dModel],
    kv_cache: [model.laneLayout.elements],
  };
  const spec = (name: PoolName) => ({
    name,
    elementType: 'float32' as const,
    shape: shapes[name],
    initial: limits[name].initial,
    max: limits[name].max,
  });
  const kernelBytes = LogMelKernel.memoryBytes(nMels);
  const windowBytes = slabBytesFor([spec('audio'), spec('mel'), spec('encoder_output')]);
  const cacheBytes = slabBytesFor([spec('kv_cache')]);
  const windows = Slab.allocate(kernelBytes + windowBytes);
  const caches = Slab.allocate(cacheBytes);
  const kernel = await LogMelKernel.create(windows, nMels);
  const pools: Pools = {
    audio: BufferPool.create({ ...spec('audio'), slab: windows }),
    mel: BufferPool.create({ ...spec('mel'), slab: windows }),
    encoder_output: BufferPool.create({ ...spec('encoder_output'), slab: windows }),
    kv_cache: BufferPool.create({ ...spec('kv_cache'), slab: caches }),
  };
  return new WindowPools(model, pools, kernel, kernelBytes + windowBytes + cacheBytes);
}
