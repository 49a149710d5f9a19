/** What a slot holds while nobody does: what its holder left, zeros, a pattern, or no memory. */

import type { ElementType, ViewOf } from './element-type.ts';
import { isPoisoned, poison } from './poison.ts';
import type { PoolHandle } from './pool-handle.ts';
import type { PoolMemory } from './pool-memory.ts';
import { slotLength, type ThreadOptions } from './pool-options.ts';
import { PAGE_BYTES } from './slab.ts';
import { SlotViews } from './slot-views.ts';

export class SlotContents<E extends ElementType> {
  /** Whether {@link wipe} does anything. */
  readonly isWiped: boolean;
  readonly #name: string;
  readonly #onRelease: 'keep' | 'zero' | 'poison';
  readonly #reclaim: ThreadOptions['reclaim'];
  readonly #buffer: SharedArrayBuffer;
  readonly #strideBytes: number;
  readonly #views: SlotViews<E>;

  constructor(
    { spec, rules, buffer }: PoolHandle<E>,
    memory: PoolMemory,
    reclaim: ThreadOptions['reclaim'],
  ) {
    this.#onRelease = rules.onRelease ?? 'keep';
    this.isWiped = this.#onRelease !== 'keep';
    this.#name = spec.name;
    this.#reclaim = reclaim;
    this.#buffer = buffer;
    this.#strideBytes = memory.strideBytes;
    this.#views = new SlotViews(spec.elementType, slotLength(spec), buffer, memory);
  }

  /** The first `length` elements of a slot. */
  view(slot: number, length: number): ViewOf<E> {
    return this.#views.of(slot, length);
  }

  /** Writing brings the pages in now, not while the first job waits for them. */
  prepare(slot: number): void {
    if (this.#onRelease === 'poison') poison(this.#views.of(slot));
    else this.#views.of(slot).fill(0);
  }

  /** Only for its holder, at the end of the lease. */
  wipe(slot: number): void {
    if (this.#onRelease === 'zero') this.#views.of(slot).fill(0);
    if (this.#onRelease === 'poison') poison(this.#views.of(slot));
  }

  /** Whether nobody wrote to a committed slot since its release; true where that cannot be told. */
  isAsLeft(slot: number): boolean {
    return this.#onRelease !== 'poison' || isPoisoned(this.#views.of(slot));
  }

  /** Of a page or more: a smaller slot has no page for itself. */
  giveMemoryBack(slot: number): void {
    if (this.#strideBytes < PAGE_BYTES) return;
    const { byteOffset } = this.#views.of(slot);
    try {
      this.#reclaim?.(this.#buffer, byteOffset, this.#strideBytes);
    } catch (error) {
      // Memory that stays is no reason to keep the slot from its next holder.
      process.emitWarning(`pool ${this.#name}: slot ${slot} keeps its memory: ${error}`);
    }
  }
}
