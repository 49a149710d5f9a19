/** Slots of one size in a slab, lent and returned; no memory is allocated after the start. */

import { bytesPerElement, type ElementType } from './element-type.ts';
import { LeakWatch } from './leak-watch.ts';
import type { Lease } from './lease.ts';
import { PoolError, PoolExhausted } from './pool-error.ts';
import { type PoolHandle, reservePool } from './pool-handle.ts';
import { CLOSED, EPOCH_STEP, Signal } from './pool-memory.ts';
import {
  checkPool,
  checkShape,
  checkThread,
  type PoolOptions,
  partsOf,
  slotLength,
  type ThreadOptions,
} from './pool-options.ts';
import { openParts, type PoolParts } from './pool-parts.ts';
import { holdersOf } from './pool-report.ts';
import type { PoolStats, SlotStatus } from './pool-stats.ts';
import { SlotLender } from './slot-lender.ts';
import type { WaitOptions } from './wait-queue.ts';

/** One pool, as one thread sees it; {@link BufferPool.attach} shows it to others. */
export class BufferPool<E extends ElementType> implements Disposable {
  /** Stands in errors and statistics. */
  readonly name: string;
  readonly elementType: E;
  /** Of what a slot holds, row-major. */
  readonly shape: readonly number[];
  /** Slots that there are ever. */
  readonly max: number;
  /** Bytes of what a slot holds, without what alignment adds. */
  readonly slotBytes: number;
  /** For {@link BufferPool.attach} in other threads. */
  readonly handle: PoolHandle<E>;
  readonly #length: number;
  readonly #parts: PoolParts<E>;
  readonly #lender: SlotLender<E>;
  readonly #leaks: LeakWatch;

  private constructor(handle: PoolHandle<E>, thread: ThreadOptions) {
    const { spec } = handle;
    this.handle = handle;
    this.name = spec.name;
    this.elementType = spec.elementType;
    this.shape = spec.shape;
    this.max = spec.max;
    this.#length = slotLength(spec);
    this.slotBytes = this.#length * bytesPerElement(spec.elementType);
    const parts = openParts(handle, thread);
    this.#parts = parts;
    const onLost = thread.traceLeaks === true ? () => this.reportLeaks() : null;
    this.#lender = new SlotLender(parts, spec.max, onLost);
    this.#leaks = new LeakWatch(parts, this.#lender, thread.onLeak);
  }

  /**
   * A new pool in a slab.
   *
   * @throws PoolError `invalid_option`; `slab_full` when `max` slots do not fit.
   */
  static create<E extends ElementType>({ slab, ...options }: PoolOptions<E>): BufferPool<E> {
    const { spec, rules, thread } = partsOf(options);
    checkPool(spec, rules);
    checkThread(thread);
    const pool = new BufferPool(reservePool(slab, spec, rules), thread);
    pool.#lender.prepare(spec.initial);
    return pool;
  }

  /**
   * The same pool in another thread, or once more in this one; to be left by {@link detach}.
   *
   * @throws PoolError `invalid_option`; `too_many_threads` when 64 use it.
   */
  static attach<E extends ElementType>(
    handle: PoolHandle<E>,
    thread: ThreadOptions = {},
  ): BufferPool<E> {
    checkPool(handle.spec, handle.rules);
    checkThread(thread);
    return new BufferPool(handle, thread);
  }

  /**
   * Lends a slot, never waits.
   *
   * @param owner who is named when the pool is exhausted.
   * @param shape of a view that is smaller than the slot; the whole slot unless given.
   * @throws PoolExhausted when all `max` slots are lent; PoolError `too_large`, `shut_down`.
   */
  acquire(owner: string, shape?: readonly number[]): Lease<E> {
    const lease = this.tryAcquire(owner, shape);
    if (lease !== null) return lease;
    this.#parts.counters.add('exhaustions');
    throw new PoolExhausted(this.name, this.max, holdersOf(this.slots(), this.#parts.now()));
  }

  /** Lends a slot; null when all are lent. @throws PoolError `too_large`, `shut_down`. */
  tryAcquire(owner: string, shape?: readonly number[]): Lease<E> | null {
    const length = shape === undefined ? this.#length : this.#lengthOf(shape);
    return this.#lender.lend(length, owner);
  }

  /**
   * Lends a slot as soon as there is one, first come first served among the waiters of a thread.
   *
   * @throws PoolError `too_large`, `deadline_exceeded`, `shut_down`; the signal's reason.
   */
  async acquireAsync(
    owner: string,
    options: WaitOptions & { readonly shape?: readonly number[] } = {},
  ): Promise<Lease<E>> {
    options.signal?.throwIfAborted();
    const take = (): Lease<E> | null => this.tryAcquire(owner, options.shape);
    const lease = this.#parts.waiters.length === 0 ? take() : null;
    return lease ?? this.#parts.waiters.wait(take, options);
  }

  /**
   * Gives the memory of all idle slots back, and for each slot that is leased now that of one more
   * when it is released.
   */
  clear(): void {
    Atomics.add(this.#parts.signals, Signal.epoch, EPOCH_STEP);
    this.#parts.idle.giveBack(this.max);
  }

  /** Gives idle slots beyond `initial` back, the longest unused first. */
  reclaimIdle(idleMs: number): void {
    const surplus = this.#parts.report.committed() - this.handle.spec.initial;
    this.#parts.idle.giveBack(Math.max(0, surplus), this.#parts.now() - idleMs);
  }

  /** Tells `onLeak` of each lease that is lost or too old now, unless it was told before. */
  reportLeaks(): void {
    this.#leaks.look(this.#parts.now());
  }

  /** Of all threads together; exact while none is in the middle of an acquire or a release. */
  stats(): PoolStats {
    return this.#parts.report.stats(this.#parts.now());
  }

  /** The committed slots; holders in other threads are named `another thread`. */
  slots(): SlotStatus[] {
    return this.#parts.report.slots(this.#lender.owners);
  }

  /** Where a leased slot was acquired; null without `traceLeaks`. */
  stackOf(slot: number): string | null {
    return this.#lender.stackOf(slot);
  }

  /**
   * Lends nothing more, in no thread, for good; who waits is turned away with `shut_down`. Leases
   * go on until their release.
   */
  close(): void {
    Atomics.or(this.#parts.signals, Signal.epoch, CLOSED);
    this.#parts.waiters.wake();
  }

  /**
   * Leaves the pool to the other threads, of which it serves 64 at once: this thread acquires
   * nothing more. A thread that ends without it keeps its place for as long as the pool lives.
   *
   * @throws PoolError `still_leased` while this thread has leases or waits for one.
   */
  detach(): void {
    this.#lender.detach();
  }

  /** {@link detach}. */
  [Symbol.dispose](): void {
    this.detach();
  }

  #lengthOf(shape: readonly number[]): number {
    checkShape(this.name, shape);
    const length = slotLength({ shape });
    if (length <= this.#length) return length;
    throw new PoolError('too_large', `${this.name}: [${shape}] does not fit into [${this.shape}]`);
  }
}
