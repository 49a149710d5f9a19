/** The typed arrays over a pool's slots, each made once: an acquire allocates none. */

import { type ElementType, type ViewOf, viewOf } from './element-type.ts';

export class SlotViews<E extends ElementType> {
  readonly #elementType: E;
  readonly #buffer: SharedArrayBuffer;
  readonly #slotsOffset: number;
  readonly #strideBytes: number;
  /** By slot, then by number of elements. */
  readonly #views: Map<number, ViewOf<E>>[] = [];

  constructor(
    elementType: E,
    buffer: SharedArrayBuffer,
    { slotsOffset, strideBytes }: { readonly slotsOffset: number; readonly strideBytes: number },
  ) {
    this.#elementType = elementType;
    this.#buffer = buffer;
    this.#slotsOffset = slotsOffset;
    this.#strideBytes = strideBytes;
  }

  /** The first `length` elements of a slot. */
  of(slot: number, length: number): ViewOf<E> {
    let views = this.#views[slot];
    if (views === undefined) {
      views = new Map();
      this.#views[slot] = views;
    }
    let view = views.get(length);
    if (view === undefined) {
      const byteOffset = this.#slotsOffset + slot * this.#strideBytes;
      view = viewOf(this.#elementType, this.#buffer, byteOffset, length);
      views.set(length, view);
    }
    return view;
  }
}
