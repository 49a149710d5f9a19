/** The closed set of errors of this package. */

/** What went wrong. */
export type PoolErrorCode =
  /** An option is unknown, missing or out of range. */
  | 'invalid_option'
  /** The slab has no room left for what was to be reserved. */
  | 'slab_full'
  /** All slots of the pool are leased. */
  | 'exhausted'
  /** A lease was released a second time. */
  | 'already_released'
  /** The view of a lease was asked for after its release. */
  | 'lease_over'
  /** A larger shape was asked for than a slot has room for. */
  | 'too_large'
  /** No slot became free before the deadline. */
  | 'deadline_exceeded'
  /** More threads than a pool can serve are attached to it. */
  | 'too_many_threads'
  /** A slot was written to after its release, or handed out twice: memory is not to be trusted. */
  | 'corrupted'
  /** A thread was to leave a pool of which it holds or awaits slots. */
  | 'still_leased'
  /** The pool or its manager has been shut down, or the thread has left the pool. */
  | 'shut_down'
  /** There is no pool of that name. */
  | 'unknown_pool';

/** Every error that this package throws. */
export class PoolError extends Error {
  readonly code: PoolErrorCode;

  constructor(code: PoolErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'PoolError';
    this.code = code;
  }
}

/** Who holds a slot, and for how long. */
export interface SlotHolder {
  readonly owner: string;
  readonly ageMs: number;
}

/** All slots are leased; says by whom, the longest holder first. */
export class PoolExhausted extends PoolError {
  /** Its name. */
  readonly pool: string;
  /** Slots that it has, all of them leased. */
  readonly max: number;
  readonly holders: readonly SlotHolder[];

  constructor(pool: string, max: number, holders: readonly SlotHolder[]) {
    const list = holders.map(({ owner, ageMs }) => `${owner} for ${Math.round(ageMs)} ms`);
    super('exhausted', `pool ${pool}: all ${max} slots are leased (${list.join(', ')})`);
    this.name = 'PoolExhausted';
    this.pool = pool;
    this.max = max;
    this.holders = holders;
  }
}
