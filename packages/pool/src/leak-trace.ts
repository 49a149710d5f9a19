/** Finds out who took a slot and never gave it back: with the stack of the taker, at a price. */

export interface LostLease {
  readonly slot: number;
  readonly owner: string;
}

/** Keeps the stack of each acquire and notices leases that are collected without a release. */
export class LeakTrace {
  readonly #stacks = new Map<number, string>();
  readonly #registry: FinalizationRegistry<LostLease>;

  constructor(onLost: (lost: LostLease) => void) {
    this.#registry = new FinalizationRegistry(onLost);
  }

  acquired(lease: object, slot: number, owner: string): void {
    const stack = `${new Error(`acquired by ${owner}`).stack}`;
    this.#stacks.set(slot, stack);
    this.#registry.register(lease, { slot, owner }, this.#tokenOf(slot));
  }

  released(slot: number): void {
    this.#registry.unregister(this.#tokenOf(slot));
    this.#stacks.delete(slot);
  }

  /** Where the lease of a slot was acquired; null where it is not leased by this thread. */
  stackOf(slot: number): string | null {
    return this.#stacks.get(slot) ?? null;
  }

  readonly #tokens = new Map<number, object>();

  #tokenOf(slot: number): object {
    const token = this.#tokens.get(slot) ?? {};
    this.#tokens.set(slot, token);
    return token;
  }
}
