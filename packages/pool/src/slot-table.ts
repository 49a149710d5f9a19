/**
 * What is known of each slot, in memory that all threads share: its state, how often it was leased,
 * and when last.
 *
 * State and generation are one word, so that they change together or not at all:
 *
 * ```
 *   ┌────────────────────┬───────┐       bare ──lease──▶ leased ──release──▶ free
 *   │     generation     │ state │         ▲               ▲                  │ │
 *   └────────────────────┴───────┘         │               └──────lease───────┘ │
 *          30 bits         2 bits          └──done── reclaiming ◀───reclaim─────┘
 * ```
 *
 * A lease counts the generation up and remembers it. Its release is valid only while the word still
 * says "leased, that generation"; so a second release finds another word and changes nothing.
 */

export const BARE = 0;
export const FREE = 1;
export const LEASED = 2;
const RECLAIMING = 3;
export type SlotState = typeof BARE | typeof FREE | typeof LEASED | typeof RECLAIMING;

const STATE_BITS = 2;
const STATE_MASK = 3;
/** Giving pages back takes microseconds; a thread that died meanwhile never ends it. */
const RECLAIM_DEADLINE_MS = 1_000;

export class SlotTable {
  readonly #words: Int32Array;
  readonly #told: Int32Array;
  readonly #acquiredAtMs: Float64Array;
  readonly #createdAtMs: Float64Array;
  readonly #releasedAtMs: Float64Array;

  /**
   * @param words [max] int32, zero at first: all bare.
   * @param times [3 · max] float64: last acquires, creations, last releases.
   * @param told [max] int32, zero at first.
   */
  constructor(words: Int32Array, times: Float64Array, told: Int32Array) {
    this.#words = words;
    this.#told = told;
    this.#acquiredAtMs = times.subarray(0, words.length);
    this.#createdAtMs = times.subarray(words.length, 2 * words.length);
    this.#releasedAtMs = times.subarray(2 * words.length);
  }

  state(slot: number): SlotState {
    return ((this.#words[slot] as number) & STATE_MASK) as SlotState;
  }

  /** How often the slot was leased. */
  generation(slot: number): number {
    return (this.#words[slot] as number) >>> STATE_BITS;
  }

  acquiredAtMs(slot: number): number {
    return this.#acquiredAtMs[slot] as number;
  }

  createdAtMs(slot: number): number {
    return this.#createdAtMs[slot] as number;
  }

  /** When it was released last, or committed if never. */
  usedAtMs(slot: number): number {
    return Math.max(this.#releasedAtMs[slot] as number, this.createdAtMs(slot));
  }

  /** The slot's memory exists from now on. */
  commit(slot: number, nowMs: number): void {
    this.#createdAtMs[slot] = nowMs;
  }

  /** Bare to free, for slots that are committed before anybody asks. */
  setFree(slot: number): void {
    this.#words[slot] = FREE;
  }

  /**
   * Leases a slot that its caller took from the free list.
   *
   * @returns the state before; `LEASED` means that the free list gave a slot out twice.
   */
  lease(slot: number, nowMs: number): SlotState {
    for (;;) {
      // A plain read: where it is stale, the exchange fails and the next one is fresh.
      const word = this.#words[slot] as number;
      const state = (word & STATE_MASK) as SlotState;
      if (state === LEASED) return LEASED;
      if (state === RECLAIMING) {
        if (Atomics.wait(this.#words, slot, word, RECLAIM_DEADLINE_MS) !== 'timed-out') continue;
      }
      // Before the exchange, lest somebody takes the new lease for as old as the one before.
      this.#acquiredAtMs[slot] = nowMs;
      const leased = leasedWord((word >>> STATE_BITS) + 1);
      if (Atomics.compareExchange(this.#words, slot, word, leased) !== word) continue;
      return state === FREE ? FREE : BARE;
    }
  }

  isLeased(slot: number, generation: number): boolean {
    return Atomics.load(this.#words, slot) === leasedWord(generation);
  }

  /** Its lease was collected: it will never be released. */
  lose(slot: number): void {
    this.#releasedAtMs[slot] = Number.POSITIVE_INFINITY;
  }

  isLost(slot: number): boolean {
    return this.#releasedAtMs[slot] === Number.POSITIVE_INFINITY;
  }

  /** Whether nobody was told of that lease's leak yet, in any thread; from now on somebody was. */
  tell(slot: number, generation: number): boolean {
    const leased = leasedWord(generation);
    return Atomics.exchange(this.#told, slot, leased) !== leased;
  }

  /** Ends the lease of that generation; false when it is over already. */
  release(slot: number, generation: number, nowMs: number): boolean {
    const leased = leasedWord(generation);
    const free = (generation << STATE_BITS) | FREE;
    if (Atomics.compareExchange(this.#words, slot, leased, free) !== leased) return false;
    this.#releasedAtMs[slot] = nowMs;
    return true;
  }

  /**
   * Free to bare, while `reclaim` gives the memory back; false when the slot is not free, or was
   * leased again since that generation.
   */
  reclaim(slot: number, generation: number, reclaim: () => void): boolean {
    const free = (generation << STATE_BITS) | FREE;
    const reclaiming = free | RECLAIMING;
    if (Atomics.compareExchange(this.#words, slot, free, reclaiming) !== free) return false;
    try {
      reclaim();
    } finally {
      // Not if it took so long that somebody leased the slot meanwhile.
      Atomics.compareExchange(this.#words, slot, reclaiming, free & ~STATE_MASK);
      Atomics.notify(this.#words, slot);
    }
    return true;
  }
}

function leasedWord(generation: number): number {
  return (generation << STATE_BITS) | LEASED;
}
