/** The slots that one job holds: those of its first window from the begin, more as it asks for them. */

import type { BufferManager, Lease, PoolConfig } from '@amanuensis/pool';
import type { DecoderLane } from './decoding/decoder-lane.ts';
import { WINDOW_FRAMES } from './hyperparameters.ts';
import type { Tensor } from './inference/inference-port.ts';
import type { WhisperDimensions } from './model/whisper-config.ts';

export type PoolName = 'audio' | 'mel' | 'encoder_output' | 'kv_cache';

export type PoolsOf = Readonly<Record<PoolName, PoolConfig & { readonly elementType: 'float32' }>>;

/** The way of one window, slot by slot. */
export interface WindowSlots {
  /** [480000] f32. */
  readonly pcm: Float32Array;
  /** [1, nMels, 3000] f32. */
  readonly mel: Tensor & { readonly data: Float32Array };
  /** [1500, dModel] f32. */
  readonly hiddenStates: Tensor;
}

interface JobSlotsParts {
  /** The job's id. */
  readonly owner: string;
  readonly manager: BufferManager<PoolsOf>;
  readonly dimensions: WhisperDimensions;
  readonly lanesPerJob: number;
  readonly laneOf: (cache: Lease<'float32'>) => DecoderLane;
}

/** Disposing it gives every slot back. */
export class JobSlots implements Disposable {
  /** Windows and lanes that it may hold. */
  readonly lanesPerJob: number;
  readonly #parts: JobSlotsParts;
  readonly #leases: Disposable[] = [];
  readonly #windows: WindowSlots[] = [];
  readonly #lanes: DecoderLane[] = [];

  /**
   * Takes the slots of one window and one lane, or none.
   *
   * @throws PoolExhausted when more jobs run than `concurrencyFor` the pools allows: a bug.
   */
  constructor(parts: JobSlotsParts) {
    this.#parts = parts;
    this.lanesPerJob = parts.lanesPerJob;
    try {
      this.window(0);
      this.lane(0);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * The slots of one of the windows that the job works on at once.
   *
   * @throws RangeError from `lanesPerJob` on.
   */
  window(index: number): WindowSlots {
    this.#check(index);
    for (let next = this.#windows.length; next <= index; next++) {
      const { owner, manager, dimensions } = this.#parts;
      const leases = manager.acquireAll(owner, ['audio', 'mel', 'encoder_output']);
      this.#leases.push(leases);
      const { nMels, nAudioPositions, dModel } = dimensions;
      this.#windows.push({
        pcm: leases.audio.view,
        mel: { data: leases.mel.view, shape: [1, nMels, WINDOW_FRAMES] },
        hiddenStates: { data: leases.encoder_output.view, shape: [nAudioPositions, dModel] },
      });
    }
    return this.#windows[index] as WindowSlots;
  }

  /**
   * One of the hypotheses that the job follows at once.
   *
   * @throws RangeError from `lanesPerJob` on.
   */
  lane(index: number): DecoderLane {
    this.#check(index);
    for (let next = this.#lanes.length; next <= index; next++) {
      const { owner, manager, laneOf } = this.#parts;
      const lease = manager.pool('kv_cache').acquire(owner);
      this.#leases.push(lease);
      this.#lanes.push(laneOf(lease));
    }
    return this.#lanes[index] as DecoderLane;
  }

  [Symbol.dispose](): void {
    for (const lease of this.#leases.splice(0).reverse()) lease[Symbol.dispose]();
  }

  #check(index: number): void {
    if (index < this.lanesPerJob) return;
    throw new RangeError(`a job holds at most ${this.lanesPerJob} windows and lanes`);
  }
}
