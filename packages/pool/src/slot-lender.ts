/** Lends the slots of a pool to this thread and takes them back: the path that has to be fast. */

import type { Counters } from './counters.ts';
import type { ElementType } from './element-type.ts';
import type { FreeList } from './free-list.ts';
import { LeakTrace, type LostLease } from './leak-trace.ts';
import { type Lease, type Lessor, SlotLease } from './lease.ts';
import { PoolError } from './pool-error.ts';
import { type PoolMemory, Signal } from './pool-memory.ts';
import type { PoolReport } from './pool-report.ts';
import type { SlotContents } from './slot-contents.ts';
import { BARE, FREE, LEASED, type SlotTable } from './slot-table.ts';
import type { WaitQueue } from './wait-queue.ts';

/** The parts of a pool that lending changes. */
export interface LenderParts<E extends ElementType> {
  readonly name: string;
  readonly now: () => number;
  readonly traceLeaks: boolean;
  readonly memory: PoolMemory;
  readonly freeList: FreeList;
  readonly table: SlotTable;
  readonly counters: Counters;
  readonly contents: SlotContents<E>;
  readonly report: PoolReport;
  readonly waiters: WaitQueue;
}

export class SlotLender<E extends ElementType> implements Lessor {
  readonly name: string;
  /** By slot, of the leases of this thread. */
  readonly owners: (string | undefined)[] = [];
  readonly #now: () => number;
  readonly #freeList: FreeList;
  readonly #table: SlotTable;
  readonly #counters: Counters;
  readonly #contents: SlotContents<E>;
  readonly #report: PoolReport;
  readonly #waiters: WaitQueue;
  readonly #trace: LeakTrace | null;
  readonly #signals: Int32Array;
  /** By slot: how often the pool had been cleared when it was lent. */
  readonly #epochs: Int32Array;

  constructor(parts: LenderParts<E>) {
    this.name = parts.name;
    this.#now = parts.now;
    this.#freeList = parts.freeList;
    this.#table = parts.table;
    this.#counters = parts.counters;
    this.#contents = parts.contents;
    this.#report = parts.report;
    this.#waiters = parts.waiters;
    this.#trace = parts.traceLeaks ? new LeakTrace((lost) => this.#onLost(lost)) : null;
    this.#signals = parts.memory.signals;
    this.#epochs = new Int32Array(parts.memory.words.length);
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

  /** @returns null when all slots are lent. @throws PoolError `corrupted`. */
  lend(length: number, owner: string): Lease<E> | null {
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
    this.#epochs[slot] = this.#signals[Signal.epoch] as number;
    const generation = this.#table.generation(slot);
    const view = this.#contents.view(slot, length);
    const lease = new SlotLease<E>(this, slot, generation, view, owner);
    this.#trace?.acquired(lease, slot, owner);
    return lease;
  }

  isLeased(slot: number, generation: number): boolean {
    return this.#table.isLeased(slot, generation);
  }

  giveBack(slot: number, generation: number): boolean {
    const isRetired = this.#epochs[slot] !== this.#signals[Signal.epoch];
    // Nobody but the holder may touch what the slot holds; most often nobody does.
    if ((this.#contents.isWiped || isRetired) && this.#table.isLeased(slot, generation)) {
      this.#contents.wipe(slot);
      if (isRetired) this.#contents.giveMemoryBack(slot);
    }
    if (!this.#table.release(slot, generation, isRetired ? BARE : FREE, this.#now())) {
      this.#counters.add('doubleReleases');
      return false;
    }
    this.#trace?.released(slot);
    this.owners[slot] = undefined;
    this.#counters.add('releases');
    this.#freeList.push(slot);
    this.#waiters.released();
    return true;
  }

  /** Gives the memory of a slot back, if it is free. */
  reclaim(slot: number): void {
    this.#table.reclaim(slot, () => this.#contents.giveMemoryBack(slot));
  }

  stackOf(slot: number): string | null {
    return this.#trace?.stackOf(slot) ?? null;
  }

  /** It stays leased: memory that somebody still writes to is nobody's any more. */
  #quarantine(slot: number): never {
    this.owners[slot] = 'nobody (written to after release)';
    this.#refuse(`slot ${slot} was written to after its release`);
  }

  #refuse(reason: string): never {
    throw new PoolError('corrupted', `${this.name}: ${reason}`);
  }

  #onLost({ slot, owner, stack }: LostLease): void {
    this.#table.lose(slot);
    this.owners[slot] = `${owner} (lost)`;
    process.emitWarning(`pool ${this.name}: ${owner} lost slot ${slot}`, { detail: stack });
  }
}
