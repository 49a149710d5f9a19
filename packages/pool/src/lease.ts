/** The right to use one slot, until it is released once. */

import type { ElementType, ViewOf } from './element-type.ts';
import { PoolError } from './pool-error.ts';

/** One slot, lent to one holder; `using` gives it back at the end of the block. */
export interface Lease<E extends ElementType> extends Disposable {
  /**
   * The slot's memory, in the shape that was asked for, as its last holder left it.
   *
   * @throws PoolError `lease_over` after release. A view that was kept is not stopped: let it go
   *   with the lease.
   */
  readonly view: ViewOf<E>;
  /** Number of the slot in its pool. */
  readonly slot: number;
  /** Where the slot begins in the slab. */
  readonly byteOffset: number;
  /** Who acquired it, as they called themselves. */
  readonly owner: string;
  /**
   * Gives the slot back. `using` does it at the end of the block: never do both.
   *
   * @throws PoolError `already_released` the second time; the pool is as it was.
   */
  release(): void;
}

/** The pool, as its leases see it. */
export interface Lessor {
  readonly name: string;
  isLeased(slot: number, generation: number): boolean;
  /** False when that generation's lease is over already. */
  giveBack(slot: number, generation: number): boolean;
}

export class SlotLease<E extends ElementType> implements Lease<E> {
  readonly slot: number;
  readonly owner: string;
  readonly #lessor: Lessor;
  readonly #view: ViewOf<E>;
  readonly #generation: number;

  constructor(lessor: Lessor, slot: number, generation: number, view: ViewOf<E>, owner: string) {
    this.slot = slot;
    this.owner = owner;
    this.#lessor = lessor;
    this.#generation = generation;
    this.#view = view;
  }

  get byteOffset(): number {
    return this.#view.byteOffset;
  }

  get view(): ViewOf<E> {
    if (this.#lessor.isLeased(this.slot, this.#generation)) return this.#view;
    throw new PoolError('lease_over', this.#describe());
  }

  release(): void {
    if (this.#lessor.giveBack(this.slot, this.#generation)) return;
    throw new PoolError('already_released', this.#describe());
  }

  [Symbol.dispose](): void {
    this.release();
  }

  #describe(): string {
    return `pool ${this.#lessor.name}: ${this.owner} has already released slot ${this.slot}`;
  }
}
