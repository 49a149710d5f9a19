/** Slots of one size in a slab, lent and returned; no memory is allocated after the start. */

import { Counters } from './counters.ts';
import { bytesPerElement, type ElementType } from './element-type.ts';
import { FreeList } from './free-list.ts';
import { LeakTrace, type LostLease } from './leak-trace.ts';
import { type Lease, type Lessor, SlotLease } from './lease.ts';
import { isPoisoned, poison } from './poison.ts';
import { PoolError, PoolExhausted } from './pool-error.ts';
import { controlBytes, type PoolMemory, poolBytes, poolMemoryAt, Signal } from './pool-memory.ts';
import {
  checkOptions,
  checkShape,
  type PoolBehaviour,
  type PoolSpec,
  slotLength,
} from './pool-options.ts';
import { holdersOf, PoolReport } from './pool-report.ts';
import type { PoolStats, SlotStatus } from './pool-stats.ts';
import { PAGE_BYTES, type Slab } from './slab.ts';
import { BARE, FREE, LEASED, SlotTable } from './slot-table.ts';
import { SlotViews } from './slot-views.ts';
import { type WaitOptions, WaitQueue } from './wait-queue.ts';

export interface PoolOptions<E extends ElementType = ElementType>
  extends PoolSpec<E>,
    PoolBehaviour {
  readonly slab: Slab;
}

/** Everything another thread needs to use the same pool; can be sent to it. */
export interface PoolHandle<E extends ElementType = ElementType> {
  readonly spec: PoolSpec<E>;
  readonly buffer: SharedArrayBuffer;
  readonly byteOffset: number;
}

export class BufferPool<E extends ElementType> {
  readonly name: string;
  readonly elementType: E;
  readonly shape: readonly number[];
  readonly max: number;
  /** Bytes of what a slot holds, without what alignment adds. */
  readonly slotBytes: number;
  readonly handle: PoolHandle<E>;
  readonly #memory: PoolMemory;
  readonly #behaviour: PoolBehaviour;
  readonly #isWiped: boolean;
  readonly #now: () => number;
  readonly #freeList: FreeList;
  readonly #table: SlotTable;
  readonly #counters: Counters;
  readonly #waiters: WaitQueue;
  readonly #report: PoolReport;
  readonly #trace: LeakTrace | null;
  readonly #lessor: Lessor;
  readonly #views: SlotViews<E>;
  /** By slot, of the leases of this thread. */
  readonly #owners: (string | undefined)[] = [];
  readonly #epochs: Int32Array;
  readonly #length: number;

  private constructor(handle: PoolHandle<E>, behaviour: PoolBehaviour) {
    const { spec, buffer, byteOffset } = handle;
    this.handle = handle;
    this.name = spec.name;
    this.elementType = spec.elementType;
    this.shape = spec.shape;
    this.max = spec.max;
    this.#length = slotLength(spec);
    this.slotBytes = this.#length * bytesPerElement(spec.elementType);
    this.#behaviour = behaviour;
    this.#isWiped = (behaviour.onRelease ?? 'keep') !== 'keep';
    this.#now = behaviour.now ?? (() => performance.now());
    this.#memory = poolMemoryAt(buffer, byteOffset, spec);
    const { signals, counters, words, times, freeList } = this.#memory;
    this.#views = new SlotViews(spec.elementType, this.#length, buffer, this.#memory);
    this.#freeList = new FreeList(freeList, spec.max);
    this.#table = new SlotTable(words, times);
    this.#counters = new Counters(counters, signals.subarray(Signal.threads, Signal.threads + 1));
    this.#waiters = new WaitQueue(spec.name, signals.subarray(Signal.waiters, Signal.waiters + 2));
    this.#report = new PoolReport(spec, this.#memory, this.#table, this.#freeList, this.#counters);
    this.#trace = behaviour.traceLeaks ? new LeakTrace((lost) => this.#onLost(lost)) : null;
    this.#epochs = new Int32Array(spec.max);
    this.#lessor = {
      name: spec.name,
      isLeased: (slot, generation) => this.#table.isLeased(slot, generation),
      giveBack: (slot, generation) => this.#giveBack(slot, generation),
    };
  }

  /** @throws PoolError `invalid_option`; `slab_full` when `max` slots do not fit. */
  static create<E extends ElementType>({ slab, ...options }: PoolOptions<E>): BufferPool<E> {
    const { name, elementType, shape, initial, max, ...behaviour } = options;
    checkOptions({ name, elementType, shape, initial, max }, behaviour);
    const spec: PoolSpec<E> = { name, elementType, shape: Object.freeze([...shape]), initial, max };
    const byteOffset = slab.reserve(poolBytes(spec), PAGE_BYTES);
    // Memory that was handed in may hold anything; an empty pool is all zeros.
    new Uint8Array(slab.buffer, byteOffset, controlBytes(max)).fill(0);
    const pool = new BufferPool({ spec, buffer: slab.buffer, byteOffset }, behaviour);
    pool.#prepare();
    return pool;
  }

  /** The same pool in another thread, or once more in this one. */
  static attach<E extends ElementType>(
    handle: PoolHandle<E>,
    behaviour: PoolBehaviour = {},
  ): BufferPool<E> {
    checkOptions(handle.spec, behaviour);
    return new BufferPool(handle, behaviour);
  }

  /**
   * Lends a slot, never waits.
   *
   * @param owner who is named when the pool is exhausted.
   * @param shape of a view that is smaller than the slot; the whole slot unless given.
   * @throws PoolExhausted when all `max` slots are lent; PoolError `too_large`.
   */
  acquire(owner: string, shape?: readonly number[]): Lease<E> {
    const lease = this.tryAcquire(owner, shape);
    if (lease !== null) return lease;
    this.#counters.add('exhaustions');
    throw new PoolExhausted(this.name, this.max, holdersOf(this.slots(), this.#now()));
  }

  /** Lends a slot; null when all are lent. @throws PoolError `too_large`. */
  tryAcquire(owner: string, shape?: readonly number[]): Lease<E> | null {
    const length = shape === undefined ? this.#length : this.#lengthOf(shape);
    const slot = this.#freeList.pop();
    return slot < 0 ? null : this.#lend(slot, length, owner);
  }

  /**
   * Lends a slot as soon as there is one, first come first served among the waiters of a thread.
   *
   * @throws PoolError `too_large`, `deadline_exceeded`; the signal's reason.
   */
  async acquireAsync(
    owner: string,
    options: WaitOptions & { readonly shape?: readonly number[] } = {},
  ): Promise<Lease<E>> {
    options.signal?.throwIfAborted();
    const take = (): Lease<E> | null => this.tryAcquire(owner, options.shape);
    const lease = this.#waiters.length === 0 ? take() : null;
    if (lease !== null) return lease;
    const startedAtMs = performance.now();
    try {
      return await this.#waiters.wait(take, options);
    } finally {
      this.#counters.addWait(performance.now() - startedAtMs);
    }
  }

  /** Gives the memory of idle slots back; slots that are leased now are given back on release. */
  clear(): void {
    Atomics.add(this.#memory.signals, Signal.epoch, 1);
    for (let slot = 0; slot < this.max; slot++) this.#reclaim(slot);
  }

  /** Gives idle slots beyond `initial` back, the longest unused first. */
  reclaimIdle(idleMs: number): void {
    const before = this.#now() - idleMs;
    const idle = this.#report.freeSlots().filter(({ usedAtMs }) => usedAtMs <= before);
    const surplus = this.#report.committed() - this.handle.spec.initial;
    for (const { slot } of idle.slice(0, Math.max(0, surplus))) this.#reclaim(slot);
  }

  stats(): PoolStats {
    return this.#report.stats(this.#now(), this.#behaviour.maxLeaseMs ?? Number.POSITIVE_INFINITY);
  }

  /** The committed slots; holders in other threads are named `another thread`. */
  slots(): SlotStatus[] {
    return this.#report.slots(this.#owners);
  }

  /** Where a leased slot was acquired; null without `traceLeaks`. */
  stackOf(slot: number): string | null {
    return this.#trace?.stackOf(slot) ?? null;
  }

  /** Rejects everybody in this thread who waits. */
  rejectWaiters(reason: unknown): void {
    this.#waiters.failAll(reason);
  }

  #prepare(): void {
    const { initial } = this.handle.spec;
    for (let slot = this.max - 1; slot >= 0; slot--) {
      this.#freeList.push(slot);
      if (slot >= initial) continue;
      // Writing brings the pages in now, not while the first job waits for them.
      const view = this.#views.of(slot);
      if (this.#behaviour.onRelease === 'poison') poison(view);
      else view.fill(0);
      this.#table.commit(slot, this.#now());
      this.#table.setFree(slot);
    }
    this.#memory.signals[Signal.lowWater] = this.max;
  }

  #lend(slot: number, length: number, owner: string): Lease<E> {
    const nowMs = this.#now();
    const before = this.#table.lease(slot, nowMs);
    if (before === LEASED)
      throw new PoolError('corrupted', `${this.name}: slot ${slot} lent twice`);
    if (before === BARE) {
      this.#table.commit(slot, nowMs);
      this.#counters.add('misses');
    } else {
      if (this.#behaviour.onRelease === 'poison') this.#checkPoison(slot);
      this.#counters.add('hits');
    }
    this.#counters.add('acquires');
    this.#report.noteLowWater(slot);
    this.#owners[slot] = owner;
    this.#epochs[slot] = this.#memory.signals[Signal.epoch] ?? 0;
    const generation = this.#table.generation(slot);
    const lease = new SlotLease<E>(
      this.#lessor,
      slot,
      generation,
      this.#views.of(slot, length),
      owner,
    );
    this.#trace?.acquired(lease, slot, owner);
    return lease;
  }

  #giveBack(slot: number, generation: number): boolean {
    const isRetired = this.#epochs[slot] !== this.#memory.signals[Signal.epoch];
    // Nobody but the holder may touch what the slot holds; most often nobody does.
    if ((this.#isWiped || isRetired) && this.#table.isLeased(slot, generation)) {
      this.#wipe(slot, isRetired);
    }
    if (!this.#table.release(slot, generation, isRetired ? BARE : FREE, this.#now())) {
      this.#counters.add('doubleReleases');
      return false;
    }
    this.#trace?.released(slot);
    this.#owners[slot] = undefined;
    this.#counters.add('releases');
    this.#freeList.push(slot);
    this.#waiters.released();
    return true;
  }

  #wipe(slot: number, isRetired: boolean): void {
    if (this.#behaviour.onRelease === 'zero') this.#views.of(slot).fill(0);
    if (this.#behaviour.onRelease === 'poison') poison(this.#views.of(slot));
    if (isRetired) this.#giveMemoryBack(slot);
  }

  #reclaim(slot: number): void {
    this.#table.reclaim(slot, () => this.#giveMemoryBack(slot));
  }

  #giveMemoryBack(slot: number): void {
    const { byteOffset } = this.#views.of(slot);
    try {
      this.#behaviour.reclaim?.(this.handle.buffer, byteOffset, this.#memory.strideBytes);
    } catch (error) {
      // Memory that stays is no reason to keep the slot from its next holder.
      process.emitWarning(`pool ${this.name}: slot ${slot} keeps its memory: ${error}`);
    }
  }

  #lengthOf(shape: readonly number[]): number {
    checkShape(this.name, shape);
    const length = slotLength({ shape });
    if (length <= this.#length) return length;
    throw new PoolError('too_large', `${this.name}: [${shape}] does not fit into [${this.shape}]`);
  }

  #checkPoison(slot: number): void {
    if (isPoisoned(this.#views.of(slot))) return;
    // It stays leased: memory that somebody still writes to is nobody's any more.
    this.#owners[slot] = 'nobody (written to after release)';
    throw new PoolError('corrupted', `${this.name}: slot ${slot} was written to after its release`);
  }

  #onLost({ slot, owner, stack }: LostLease): void {
    this.#table.lose(slot);
    this.#owners[slot] = `${owner} (lost)`;
    process.emitWarning(`pool ${this.name}: ${owner} lost slot ${slot}`, { detail: stack });
  }
}
