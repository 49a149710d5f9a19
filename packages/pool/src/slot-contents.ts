/** What a slot holds while nobody does: what its holder left, zeros, a pattern, or no memory. */

import type { ElementType, ViewOf } from './element-type.ts';
import { isPoisoned, poison } from './poison.ts';
import type { PoolMemory } from './pool-memory.ts';
import type { PoolBehaviour, PoolSpec } from './pool-options.ts';
import { SlotViews } from './slot-views.ts';

export class SlotContents<E extends ElementType> {
  /** Whether {@link wipe} does anything. */
  readonly isWiped: boolean;
  readonly #name: string;
  readonly #behaviour: PoolBehaviour;
  readonly #buffer: SharedArrayBuffer;
  readonly #strideBytes: number;
  readonly #views: SlotViews<E>;

  constructor(
    spec: PoolSpec<E>,
    behaviour: PoolBehaviour,
    length: number,
    buffer: SharedArrayBuffer,
    memory: PoolMemory,
  ) {
    this.isWiped = (behaviour.onRelease ?? 'keep') !== 'keep';
    this.#name = spec.name;
    this.#behaviour = behaviour;
    this.#buffer = buffer;
    this.#strideBytes = memory.strideBytes;
    this.#views = new SlotViews(spec.elementType, length, buffer, memory);
  }

  /** The first `length` elements of a slot. */
  view(slot: number, length: number): ViewOf<E> {
    return this.#views.of(slot, length);
  }

  /** Writing brings the pages in now, not while the first job waits for them. */
  prepare(slot: number): void {
    if (this.#behaviour.onRelease === 'poison') poison(this.#views.of(slot));
    else this.#views.of(slot).fill(0);
  }

  /** Only for its holder, at the end of the lease. */
  wipe(slot: number): void {
    if (this.#behaviour.onRelease === 'zero') this.#views.of(slot).fill(0);
    if (this.#behaviour.onRelease === 'poison') poison(this.#views.of(slot));
  }

  /** Whether nobody wrote to a committed slot since its release; true where that cannot be told. */
  isAsLeft(slot: number): boolean {
    return this.#behaviour.onRelease !== 'poison' || isPoisoned(this.#views.of(slot));
  }

  giveMemoryBack(slot: number): void {
    const { byteOffset } = this.#views.of(slot);
    try {
      this.#behaviour.reclaim?.(this.#buffer, byteOffset, this.#strideBytes);
    } catch (error) {
      // Memory that stays is no reason to keep the slot from its next holder.
      process.emitWarning(`pool ${this.#name}: slot ${slot} keeps its memory: ${error}`);
    }
  }
}
