/** Tells how a pool is, from what all its threads wrote down. */

import { type Counters, WAIT_BUCKETS_MS } from './counters.ts';
import type { FreeList } from './free-list.ts';
import type { SlotHolder } from './pool-error.ts';
import { type PoolMemory, Signal } from './pool-memory.ts';
import type { PoolRules, PoolSpec } from './pool-options.ts';
import type { PoolStats, SlotStatus } from './pool-stats.ts';
import { BARE, LEASED, type SlotTable } from './slot-table.ts';

/** Holds what no lease of this thread does. */
export const ELSEWHERE = 'another thread';

/** A lease that was lost, or is older than it may be. */
interface LeakingSlot {
  readonly slot: number;
  readonly generation: number;
  readonly ageMs: number;
}

export class PoolReport {
  readonly #spec: PoolSpec;
  readonly #maxLeaseMs: number;
  readonly #memory: PoolMemory;
  readonly #table: SlotTable;
  readonly #freeList: FreeList;
  readonly #counters: Counters;

  constructor(
    { spec, rules }: { readonly spec: PoolSpec; readonly rules: PoolRules },
    memory: PoolMemory,
    table: SlotTable,
    freeList: FreeList,
    counters: Counters,
  ) {
    this.#spec = spec;
    this.#maxLeaseMs = rules.maxLeaseMs ?? Number.POSITIVE_INFINITY;
    this.#memory = memory;
    this.#table = table;
    this.#freeList = freeList;
    this.#counters = counters;
  }

  /** Called at each acquire: the fewest free slots ever are the most leased ones. */
  noteLowWater(slot: number): void {
    const free = this.#freeList.leftBelow(slot);
    const { signals } = this.#memory;
    let low = signals[Signal.lowWater] as number;
    // Another thread may note its own meanwhile: the lower one stays.
    while (free < low) low = lower(signals, low, free);
  }

  /** Slots whose memory exists. */
  committed(): number {
    return this.#count((slot) => this.#table.state(slot) !== BARE);
  }

  leaks(nowMs: number): LeakingSlot[] {
    return this.#slotNumbers()
      .filter((slot) => this.#table.state(slot) === LEASED)
      .map((slot) => ({
        slot,
        generation: this.#table.generation(slot),
        ageMs: nowMs - this.#table.acquiredAtMs(slot),
      }))
      .filter(({ slot, ageMs }) => this.#table.isLost(slot) || ageMs > this.#maxLeaseMs);
  }

  stats(nowMs: number): PoolStats {
    const { name, max } = this.#spec;
    const acquires = this.#counters.sum('acquires');
    const hits = this.#counters.sum('hits');
    const allocations = this.committed();
    const inUse = this.#count((slot) => this.#table.state(slot) === LEASED);
    const leaked = this.leaks(nowMs).length;
    return {
      name,
      max,
      inUse,
      available: max - inUse,
      acquires,
      releases: this.#counters.sum('releases'),
      allocations,
      hits,
      misses: this.#counters.sum('misses'),
      hitRate: acquires === 0 ? 1 : hits / acquires,
      highWaterMark: max - (this.#memory.signals[Signal.lowWater] as number),
      exhaustions: this.#counters.sum('exhaustions'),
      doubleReleases: this.#counters.sum('doubleReleases'),
      waits: {
        count: this.#counters.sum('waits'),
        totalMs: this.#counters.sum('waitedMs'),
        histogram: this.#counters.waitCounts().map((count, i) => ({
          upToMs: WAIT_BUCKETS_MS[i] ?? Number.POSITIVE_INFINITY,
          count,
        })),
      },
      leaked,
      hasLeaks: leaked > 0,
      bytesCommitted: allocations * this.#memory.strideBytes,
    };
  }

  /** @param owners by slot, of the leases of this thread. */
  slots(owners: readonly (string | undefined)[]): SlotStatus[] {
    return this.#slotNumbers()
      .filter((slot) => this.#table.state(slot) !== BARE)
      .map((slot) => {
        const uses = this.#table.generation(slot);
        return {
          slot,
          createdAtMs: this.#table.createdAtMs(slot),
          acquiredAtMs: uses === 0 ? null : this.#table.acquiredAtMs(slot),
          uses,
          holder: this.#table.state(slot) === LEASED ? (owners[slot] ?? ELSEWHERE) : null,
        };
      });
  }

  #slotNumbers(): number[] {
    return Array.from({ length: this.#spec.max }, (_, slot) => slot);
  }

  #count(matches: (slot: number) => boolean): number {
    let count = 0;
    for (let slot = 0; slot < this.#spec.max; slot++) if (matches(slot)) count++;
    return count;
  }
}

/** Puts `free` there unless it is no longer `low`; what stood there then. */
function lower(signals: Int32Array, low: number, free: number): number {
  const stood = Atomics.compareExchange(signals, Signal.lowWater, low, free);
  return stood === low ? free : stood;
}

/** Who holds slots, and for how long, the longest first. */
export function holdersOf(slots: readonly SlotStatus[], nowMs: number): SlotHolder[] {
  return slots
    .flatMap(({ holder, acquiredAtMs }) =>
      holder === null || acquiredAtMs === null
        ? []
        : [{ owner: holder, ageMs: nowMs - acquiredAtMs }],
    )
    .toSorted((a, b) => b.ageMs - a.ageMs);
}
