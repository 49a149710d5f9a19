/** The right to use one slot, until it is released once. */

import type { ElementType, ViewOf } from './element-type.ts';
import { PoolError } from './pool-error.ts';

export interface Lease<E extends ElementType> extends Disposable {
  /**
   * The slot's memory, as its last holder left it.
   *
   * @throws PoolError `lease_over` after release. A view that was kept is not stopped: let it go
   *   with the lease.
   */
  readonly view: ViewOf<E>;
  readonly slot: number;
  /** Where the slot begins in the slab. */
  readonly byteOffset: number;
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
  giveBack(slot: number): void;
  countDoubleRelease(): void;
}

/** A lease knows by itself that it is over, so a second release cannot hit the slot's next holder. */
export class SlotLease<E extends ElementType> implements Lease<E> {
  readonly slot: number;
  readonly byteOffset: number;
  readonly owner: string;
  readonly #lessor: Lessor;
  readonly #view: ViewOf<E>;
  #isOver = false;

  constructor(lessor: Lessor, slot: number, view: ViewOf<E>, owner: string) {
    this.slot = slot;
    this.byteOffset = view.byteOffset;
    this.owner = owner;
    this.#lessor = lessor;
    this.#view = view;
  }

  get view(): ViewOf<E> {
    if (this.#isOver) throw new PoolError('lease_over', this.#describe());
    return this.#view;
  }

  release(): void {
    if (this.#isOver) {
      this.#lessor.countDoubleRelease();
      throw new PoolError('already_released', this.#describe());
    }
    this.#isOver = true;
    this.#lessor.giveBack(this.slot);
  }

  [Symbol.dispose](): void {
    this.release();
  }

  #describe(): string {
    return `pool ${this.#lessor.name}: ${this.owner} has already released slot ${this.slot}`;
  }
}
