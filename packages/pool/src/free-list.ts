/**
 * A stack of slot numbers in shared memory that any number of threads push to and pop from at once.
 *
 * ```
 *        head                         below[slot]: the slot beneath, plus 1; 0 at the bottom
 *   ┌──────┬──────┐                   depth[slot]: how many slots lie on the stack up to this one
 *   │ tag  │ top+1│
 *   └──────┴──┬───┘
 *     20 bits │ 12 bits
 *             ▼
 *           slot 7 ──▶ slot 2 ──▶ slot 5 ──▶ (bottom)
 *           depth 3    depth 2    depth 1
 * ```
 *
 * Lock-free (Treiber's stack): a thread reads `head`, prepares the new one, and puts it there only
 * if `head` is still what it read. Nobody ever waits for a thread that sleeps or was terminated in
 * the middle, which a lock could not promise: `worker.terminate()` may come between any two steps.
 *
 * The last pushed is popped first, so that the memory which is warm in the cache is used again.
 * Slots without memory lie below all that have some: `idle-slots.ts` sees to that.
 *
 * Why a stale `head` cannot be mistaken for a fresh one: every change counts the tag up, so the
 * exchange fails unless exactly 2^20 (or a multiple) changes happened while a thread was between
 * its read and its exchange, two instructions apart, and the same slot lies on top again. Should
 * even that happen, the slot's own word in the {@link SlotTable} refuses to be leased twice.
 */

/** Slots of one list: what fits into 12 bits beside the empty list's 0. */
export const MAX_SLOTS = 4095;

const SLOT_BITS = 12;
const SLOT_MASK = (1 << SLOT_BITS) - 1;
const TAG_STEP = 1 << SLOT_BITS;
const HEAD = 0;
const NONE = -1;

export class FreeList {
  readonly #head: Int32Array;
  readonly #below: Int32Array;
  readonly #depth: Int32Array;

  /** @param words `FreeList.words(max)` int32 in shared memory, zero for an empty list. */
  constructor(words: Int32Array, max: number) {
    this.#head = words.subarray(0, 1);
    this.#below = words.subarray(1, 1 + max);
    this.#depth = words.subarray(1 + max, 1 + 2 * max);
  }

  static words(max: number): number {
    return 1 + 2 * max;
  }

  /** Takes the slot that was pushed last; -1 when there is none. */
  pop(): number {
    for (;;) {
      const head = Atomics.load(this.#head, HEAD);
      const top = (head & SLOT_MASK) - 1;
      if (top === NONE) return NONE;
      const next = this.#nextHead(head, Atomics.load(this.#below, top));
      if (Atomics.compareExchange(this.#head, HEAD, head, next) === head) return top;
    }
  }

  /**
   * How many slots lie below this one, or were left when it was popped: nobody writes its depth
   * until its push.
   */
  leftBelow(slot: number): number {
    return (this.#depth[slot] as number) - 1;
  }

  /** Gives a slot back that {@link pop} gave out. */
  push(slot: number): void {
    for (;;) {
      const head = Atomics.load(this.#head, HEAD);
      const top = (head & SLOT_MASK) - 1;
      Atomics.store(this.#below, slot, top + 1);
      this.#depth[slot] = (top === NONE ? 0 : (this.#depth[top] as number)) + 1;
      const next = this.#nextHead(head, slot + 1);
      if (Atomics.compareExchange(this.#head, HEAD, head, next) === head) return;
    }
  }

  /** The tag counted up (it wraps around), over another top. */
  #nextHead(head: number, topPlusOne: number): number {
    return ((head & ~SLOT_MASK) + TAG_STEP) | topPlusOne;
  }
}
