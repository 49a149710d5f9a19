/** Slots of one size in a slab, lent and returned; no memory is allocated after the start. */

import { bytesPerElement, type ElementType, type ViewOf, viewOf } from './element-type.ts';
import { type Lease, type Lessor, SlotLease } from './lease.ts';
import { PoolExhausted, type SlotHolder } from './pool-error.ts';
import { checkOptions, type PoolOptions, slotLength, slotStrideBytes } from './pool-options.ts';
import type { PoolStats } from './pool-stats.ts';
import type { Slab } from './slab.ts';

export class BufferPool<E extends ElementType> {
  readonly name: string;
  readonly elementType: E;
  readonly shape: readonly number[];
  readonly max: number;
  /** Bytes of what a slot holds, without what alignment adds. */
  readonly slotBytes: number;
  readonly #slab: Slab;
  readonly #byteOffset: number;
  readonly #strideBytes: number;
  readonly #now: () => number;
  /** By slot; as long as there are committed slots. */
  readonly #views: ViewOf<E>[] = [];
  /** Committed slots that nobody holds, the most recently used last: its memory is the warmest. */
  readonly #free: number[] = [];
  /** By slot: who holds it and since when; null where nobody does. */
  readonly #owners: (string | null)[] = [];
  readonly #sinceMs: Float64Array;
  readonly #lessor: Lessor;
  #inUse = 0;
  #acquires = 0;
  #releases = 0;
  #hits = 0;
  #misses = 0;
  #highWaterMark = 0;
  #exhaustions = 0;
  #doubleReleases = 0;

  /** @throws PoolError `invalid_option`; `slab_full` when `max` slots do not fit. */
  constructor(options: PoolOptions<E>) {
    checkOptions(options);
    this.name = options.name;
    this.elementType = options.elementType;
    this.shape = Object.freeze([...options.shape]);
    this.max = options.max;
    this.slotBytes = slotLength(options) * bytesPerElement(options.elementType);
    this.#strideBytes = slotStrideBytes(options);
    this.#slab = options.slab;
    this.#byteOffset = options.slab.reserve(this.#strideBytes * this.max);
    this.#now = options.now ?? (() => performance.now());
    this.#sinceMs = new Float64Array(this.max);
    this.#lessor = {
      name: this.name,
      giveBack: (slot) => this.#giveBack(slot),
      countDoubleRelease: () => {
        this.#doubleReleases++;
      },
    };
    // Writing brings the pages in now, not while the first job waits for them.
    for (let slot = 0; slot < options.initial; slot++) this.#commit().fill(0);
    for (let slot = options.initial - 1; slot >= 0; slot--) this.#free.push(slot);
  }

  /**
   * Lends a slot, never waits.
   *
   * @param owner who is named when the pool is exhausted.
   * @throws PoolExhausted when all `max` slots are lent.
   */
  acquire(owner: string): Lease<E> {
    const slot = this.#take();
    this.#owners[slot] = owner;
    this.#sinceMs[slot] = this.#now();
    this.#acquires++;
    this.#inUse++;
    if (this.#inUse > this.#highWaterMark) this.#highWaterMark = this.#inUse;
    return new SlotLease<E>(this.#lessor, slot, this.#views[slot] as ViewOf<E>, owner);
  }

  stats(): PoolStats {
    const committed = this.#views.length;
    return {
      name: this.name,
      max: this.max,
      inUse: this.#inUse,
      available: this.max - this.#inUse,
      acquires: this.#acquires,
      releases: this.#releases,
      allocations: committed,
      hits: this.#hits,
      misses: this.#misses,
      hitRate: this.#acquires === 0 ? 1 : this.#hits / this.#acquires,
      highWaterMark: this.#highWaterMark,
      exhaustions: this.#exhaustions,
      doubleReleases: this.#doubleReleases,
      bytesCommitted: committed * this.#strideBytes,
    };
  }

  #take(): number {
    const free = this.#free.pop();
    if (free !== undefined) {
      this.#hits++;
      return free;
    }
    if (this.#views.length === this.max) {
      this.#exhaustions++;
      throw new PoolExhausted(this.name, this.max, this.#holders());
    }
    this.#misses++;
    this.#commit();
    return this.#views.length - 1;
  }

  #commit(): ViewOf<E> {
    const byteOffset = this.#byteOffset + this.#views.length * this.#strideBytes;
    const length = this.slotBytes / bytesPerElement(this.elementType);
    const view = viewOf(this.elementType, this.#slab.buffer, byteOffset, length);
    this.#views.push(view);
    this.#owners.push(null);
    return view;
  }

  #giveBack(slot: number): void {
    this.#owners[slot] = null;
    this.#releases++;
    this.#inUse--;
    this.#free.push(slot);
  }

  #holders(): SlotHolder[] {
    const nowMs = this.#now();
    return this.#owners
      .flatMap((owner, slot) =>
        owner === null ? [] : [{ owner, ageMs: nowMs - (this.#sinceMs[slot] ?? nowMs) }],
      )
      .sort((a, b) => b.ageMs - a.ageMs);
  }
}
