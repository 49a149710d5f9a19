/** Slots of one size in a slab, lent and returned; no memory is allocated after the start. */

import { Counters } from './counters.ts';
import { bytesPerElement, type ElementType } from './element-type.ts';
import { FreeList } from './free-list.ts';
import type { Lease } from './lease.ts';
import { PoolError, PoolExhausted } from './pool-error.ts';
import { controlBytes, poolBytes, poolMemoryAt, Signal } from './pool-memory.ts';
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
import { SlotContents } from './slot-contents.ts';
import { SlotLender } from './slot-lender.ts';
import { SlotTable } from './slot-table.ts';
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
  readonly #now: () => number;
  readonly #maxLeaseMs: number;
  readonly #signals: Int32Array;
  readonly #counters: Counters;
  readonly #waiters: WaitQueue;
  readonly #report: PoolReport;
  readonly #lender: SlotLender<E>;
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
    this.#maxLeaseMs = behaviour.maxLeaseMs ?? Number.POSITIVE_INFINITY;
    this.#now = behaviour.now ?? (() => performance.now());
    const memory = poolMemoryAt(buffer, byteOffset, spec);
    const { signals } = memory;
    this.#signals = signals;
    const freeList = new FreeList(memory.freeList, spec.max);
    const table = new SlotTable(memory.words, memory.times);
    this.#counters = new Counters(
      memory.counters,
      signals.subarray(Signal.threads, Signal.threads + 1),
    );
    this.#waiters = new WaitQueue(spec.name, signals.subarray(Signal.waiters, Signal.waiters + 2));
    this.#report = new PoolReport(spec, memory, table, freeList, this.#counters);
    this.#lender = new SlotLender({
      name: spec.name,
      now: this.#now,
      traceLeaks: behaviour.traceLeaks === true,
      memory,
      freeList,
      table,
      counters: this.#counters,
      contents: new SlotContents(spec, behaviour, this.#length, buffer, memory),
      report: this.#report,
      waiters: this.#waiters,
    });
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
    pool.#lender.prepare(initial);
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
    return this.#lender.lend(length, owner);
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
    Atomics.add(this.#signals, Signal.epoch, 1);
    for (let slot = 0; slot < this.max; slot++) this.#lender.reclaim(slot);
  }

  /** Gives idle slots beyond `initial` back, the longest unused first. */
  reclaimIdle(idleMs: number): void {
    const before = this.#now() - idleMs;
    const idle = this.#report.freeSlots().filter(({ usedAtMs }) => usedAtMs <= before);
    const surplus = this.#report.committed() - this.handle.spec.initial;
    for (const { slot } of idle.slice(0, Math.max(0, surplus))) this.#lender.reclaim(slot);
  }

  stats(): PoolStats {
    return this.#report.stats(this.#now(), this.#maxLeaseMs);
  }

  /** The committed slots; holders in other threads are named `another thread`. */
  slots(): SlotStatus[] {
    return this.#report.slots(this.#lender.owners);
  }

  /** Where a leased slot was acquired; null without `traceLeaks`. */
  stackOf(slot: number): string | null {
    return this.#lender.stackOf(slot);
  }

  /** Rejects everybody in this thread who waits. */
  rejectWaiters(reason: unknown): void {
    this.#waiters.failAll(reason);
  }

  #lengthOf(shape: readonly number[]): number {
    checkShape(this.name, shape);
    const length = slotLength({ shape });
    if (length <= this.#length) return length;
    throw new PoolError('too_large', `${this.name}: [${shape}] does not fit into [${this.shape}]`);
  }
}
