/** Lends the slots of a pool to this thread and takes them back: the path that has to be fast. */

import type { Counters } from './counters.ts';
import type { ElementType } from './element-type.ts';
import type { FreeList } from './free-list.ts';
import type { IdleSlots } from './idle-slots.ts';
import { LeakTrace, type LostLease } from './leak-trace.ts';
import { type Lease, type Lessor, SlotLease } from './lease.ts';
import { PoolError } from './pool-error.ts';
import { CLOSED, Signal } from './pool-memory.ts';
import type { PoolParts } from './pool-parts.ts';
import type { PoolReport } from './pool-report.ts';
import type { SlotContents } from './slot-contents.ts';
import { BARE, LEASED, type SlotTable } from './slot-table.ts';
import type { WaitQueue } from './wait-queue.ts';

export class SlotLender<E extends ElementType> implements Lessor {
  readonly name: string;
  /** By slot, of the leases of this thread. */
  readonly owners: (string | undefined)[] = [];
  readonly #now: () => number;
  readonly #freeList: FreeList;
  readonly #table: SlotTable;
  readonly #counters: Counters;
  readonly #contents: SlotContents<E>;
  readonly #idle: IdleSlots;
  readonly #report: PoolReport;
  readonly #waiters: WaitQueue;
  readonly #trace: LeakTrace | null;
  readonly #signals: Int32Array;
  /** By slot: the pool's epoch when it was lent. */
  readonly #epochs: Int32Array;
  #isDetached = false;

  /**
   * @param max slots of the pool.
   * @param onLost called when a lease was collected without a release; null without tracing.
   */
  constructor(parts: PoolParts<E>, max: number, onLost: (() => void) | null) {
    this.name = parts.name;
    this.#now = parts.now;
    this.#freeList = parts.freeList;
    this.#table = parts.table;
    this.#counters = parts.counters;
    this.#contents = parts.contents;
    this.#idle = parts.idle;
    this.#report = parts.report;
    this.#waiters = parts.waiters;
    this.#trace = onLost === null ? null : new LeakTrace((lost) => this.#lose(lost, onLost));
    this.#signals = parts.signals;
    this.#epochs = new Int32Array(max);
  }

  /** Puts all slots on the free list, the first `initial` of them with their memory. */
  prepare(initial: number): void {
    const max = this.#epochs.length;
    for (let slot = max - 1; slot >= 0; slot--) {
      this.#freeList.push(slot);
      if (slot >= initial) continue;
      this.#contents.prepare(slot);
      this.#table.commit(slot, this.#now());
      this.#table.setFree(slot);
    }
    this.#signals[Signal.lowWater] = max;
  }

  /** @returns null when all slots are lent. @throws PoolError `corrupted`, `shut_down`. */
  lend(length: number, owner: string): Lease<E> | null {
    // Before the slot is taken: what a `clear()` meanwhile does not find free is to be retired. A
    // plain read, as cheap as can be: should it be old, the one after the lease is not.
    const epoch = this.#signals[Signal.epoch] as number;
    if (this.#isClosed(epoch)) this.#refuseClosed();
    const slot = this.#freeList.pop();
    if (slot < 0) return null;
    const nowMs = this.#now();
    const before = this.#table.lease(slot, nowMs);
    if (before === LEASED) this.#refuse(`slot ${slot} lent twice`);
    if (before === BARE) {
      this.#table.commit(slot, nowMs);
      this.#counters.add('misses');
    } else {
      if (!this.#contents.isAsLeft(slot)) this.#quarantine(slot);
      this.#counters.add('hits');
    }
    this.#counters.add('acquires');
    this.#report.noteLowWater(slot);
    this.owners[slot] = owner;
    this.#epochs[slot] = epoch;
    const generation = this.#table.generation(slot);
    const view = this.#contents.view(slot, length);
    const lease = new SlotLease<E>(this, slot, generation, view, owner);
    this.#trace?.acquired(lease, slot, owner);
    if (this.#isClosed(Atomics.load(this.#signals, Signal.epoch))) this.#refuseLate(lease);
    return lease;
  }

  isLeased(slot: number, generation: number): boolean {
    return this.#table.isLeased(slot, generation);
  }

  giveBack(slot: number, generation: number): boolean {
    // Nobody but the holder may touch what the slot holds; most often nobody does.
    if (this.#contents.isWiped && this.#table.isLeased(slot, generation)) this.#contents.wipe(slot);
    if (!this.#table.release(slot, generation, this.#now())) {
      this.#counters.add('doubleReleases');
      return false;
    }
    const isRetired = this.#epochs[slot] !== this.#signals[Signal.epoch];
    this.#trace?.released(slot);
    this.owners[slot] = undefined;
    this.#counters.add('releases');
    this.#freeList.push(slot);
    this.#waiters.wake();
    if (isRetired) this.#idle.giveBack(1);
    return true;
  }

  stackOf(slot: number): string | null {
    return this.#trace?.stackOf(slot) ?? null;
  }

  /** Lends nothing more; the place is another thread's. @throws PoolError `still_leased`. */
  detach(): void {
    if (this.#isDetached) return;
    const isHolding = this.owners.some((owner) => owner !== undefined);
    if (isHolding || this.#waiters.length > 0) {
      throw new PoolError('still_leased', `pool ${this.name}: this thread holds or awaits slots`);
    }
    this.#isDetached = true;
    this.#counters.leave();
  }

  /** It stays leased: memory that somebody still writes to is nobody's any more. */
  #quarantine(slot: number): never {
    this.owners[slot] = 'nobody (written to after release)';
    this.#refuse(`slot ${slot} was written to after its release`);
  }

  #refuse(reason: string): never {
    throw new PoolError('corrupted', `${this.name}: ${reason}`);
  }

  #isClosed(epoch: number): boolean {
    return (epoch & CLOSED) !== 0 || this.#isDetached;
  }

  /** Closed meanwhile, and who closed it may have looked for leases before this one was there. */
  #refuseLate(lease: Lease<E>): never {
    lease.release();
    this.#refuseClosed();
  }

  #refuseClosed(): never {
    const by = this.#isDetached ? 'this thread has left it' : 'it has been shut down';
    throw new PoolError('shut_down', `pool ${this.name} lends nothing more: ${by}`);
  }

  #lose({ slot, owner }: LostLease, onLost: () => void): void {
    this.#table.lose(slot);
    this.owners[slot] = `${owner} (lost)`;
    onLost();
  }
}
