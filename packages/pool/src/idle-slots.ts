/**
 * Gives the memory of idle slots back, from the bottom of the free list upwards:
 *
 * ```
 *   top ▶ slot 7   free   used last
 *         slot 2   free
 *         slot 5   free   unused for longest: the next to be given back
 *         slot 1   bare   ┐
 *         slot 4   bare   ┘ their memory was given back, or never there
 * ```
 *
 * That order is the longest unused first, for slots are pushed as they are released; and it keeps
 * every slot that has memory above all that have none. So an acquire has to commit a slot only when
 * no committed one is free, and `misses` means exactly that.
 *
 * For the same reason a lease that outlived a `clear()` does not leave its own slot bare on top: it
 * goes back as any other, and the slot at the bottom gives its memory instead. Two lists, one of
 * bare slots, would do as well, but each acquire would have to look at the slot's state first, and
 * no single number would say how many are free.
 *
 * Where threads meet, the worst that can happen is that a slot is given back while it is being
 * pushed, and lies bare on top until its next lease. One that was leased meanwhile is left alone.
 */

import type { FreeList } from './free-list.ts';
import { FREE, type SlotTable } from './slot-table.ts';

/** Gives the pages of a slot back to the system. */
export interface MemoryOfSlots {
  giveMemoryBack(slot: number): void;
}

export class IdleSlots {
  readonly #max: number;
  readonly #freeList: FreeList;
  readonly #table: SlotTable;
  readonly #memory: MemoryOfSlots;

  /** @param max slots of the pool. */
  constructor(max: number, freeList: FreeList, table: SlotTable, memory: MemoryOfSlots) {
    this.#max = max;
    this.#freeList = freeList;
    this.#table = table;
    this.#memory = memory;
  }

  /** Gives back `most` slots at most, none that was used after `untilMs`. */
  giveBack(most: number, untilMs = Number.POSITIVE_INFINITY): void {
    for (const { slot, generation } of this.#fromBottom().slice(0, most)) {
      if (this.#table.usedAtMs(slot) > untilMs) return;
      this.#table.reclaim(slot, generation, () => this.#memory.giveMemoryBack(slot));
    }
  }

  /** Free slots that have memory. */
  #fromBottom(): { readonly slot: number; readonly generation: number }[] {
    return Array.from({ length: this.#max }, (_, slot) => slot)
      .filter((slot) => this.#table.state(slot) === FREE)
      .map((slot) => ({
        slot,
        generation: this.#table.generation(slot),
        height: this.#freeList.leftBelow(slot),
      }))
      .toSorted((a, b) => a.height - b.height);
  }
}
