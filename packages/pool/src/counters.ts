/**
 * Counts that many threads keep of one pool without getting in each other's way: each thread writes
 * a row of its own, and whoever wants to know adds the rows up. The sum is exact when no thread is
 * in the middle of an acquire or a release. A thread that leaves lets the next one count on in its
 * row, so nothing has to be added up for it; one that dies without a word keeps its row.
 */

import { PoolError } from './pool-error.ts';

/** Threads that may use one pool at once. */
export const MAX_THREADS = 64;
const FREE_ROW = 0;
const TAKEN_ROW = 1;

/** Upper bounds of the buckets of wait times; one more bucket holds what is longer. */
export const WAIT_BUCKETS_MS = [1, 5, 10, 50, 100, 500, 1_000, 5_000, 30_000] as const;

const NAMES = [
  'acquires',
  'releases',
  'hits',
  'misses',
  'exhaustions',
  'doubleReleases',
  'waits',
  'waitedMs',
] as const;
export type CounterName = (typeof NAMES)[number];

const COLUMN: Readonly<Record<CounterName, number>> = Object.freeze(
  Object.fromEntries(NAMES.map((name, column) => [name, column])) as Record<CounterName, number>,
);
const FIRST_BUCKET = NAMES.length;
/** Whole cache lines of 64 bytes, so that two threads never write to the same one. */
const ROW_LENGTH = Math.ceil((FIRST_BUCKET + WAIT_BUCKETS_MS.length + 1) / 8) * 8;

export const COUNTERS_LENGTH = MAX_THREADS * ROW_LENGTH;

export class Counters {
  readonly #all: Float64Array;
  readonly #rows: Int32Array;
  readonly #row: number;
  #own: Float64Array;

  /**
   * @param all `COUNTERS_LENGTH` float64 in shared memory, zero at first.
   * @param rows [MAX_THREADS] int32 beside it, zero at first: the rows that are taken.
   * @throws PoolError `too_many_threads`.
   */
  constructor(all: Float64Array, rows: Int32Array) {
    this.#all = all;
    this.#rows = rows;
    this.#row = takeRow(rows);
    this.#own = all.subarray(this.#row * ROW_LENGTH, (this.#row + 1) * ROW_LENGTH);
  }

  /** Gives the row up, once; what this thread counts from now on is not in the sums. */
  leave(): void {
    this.#own = new Float64Array(ROW_LENGTH);
    Atomics.store(this.#rows, this.#row, FREE_ROW);
  }

  add(name: CounterName, amount = 1): void {
    const column = COLUMN[name];
    this.#own[column] = (this.#own[column] as number) + amount;
  }

  addWait(ms: number): void {
    this.add('waits');
    this.add('waitedMs', ms);
    const bucket = WAIT_BUCKETS_MS.findIndex((bound) => ms <= bound);
    const column = FIRST_BUCKET + (bucket === -1 ? WAIT_BUCKETS_MS.length : bucket);
    this.#own[column] = (this.#own[column] as number) + 1;
  }

  sum(name: CounterName): number {
    return this.#sum(COLUMN[name]);
  }

  /** Waits by bucket of {@link WAIT_BUCKETS_MS}, the longer ones last. */
  waitCounts(): number[] {
    return Array.from({ length: WAIT_BUCKETS_MS.length + 1 }, (_, i) =>
      this.#sum(FIRST_BUCKET + i),
    );
  }

  #sum(column: number): number {
    let sum = 0;
    for (let at = column; at < this.#all.length; at += ROW_LENGTH) sum += this.#all[at] as number;
    return sum;
  }
}

function takeRow(rows: Int32Array): number {
  for (let row = 0; row < MAX_THREADS; row++) {
    if (Atomics.compareExchange(rows, row, FREE_ROW, TAKEN_ROW) === FREE_ROW) return row;
  }
  throw new PoolError('too_many_threads', `a pool serves at most ${MAX_THREADS} threads at once`);
}
