/** The typed arrays over a pool's slots, made once and kept: an acquire allocates none. */

import { type ElementType, type ViewOf, viewOf } from './element-type.ts';

/** Lengths that a slot is shown in besides its own; whoever uses more at once gets new views. */
const MAX_PARTS = 4;

export class SlotViews<E extends ElementType> {
  readonly #elementType: E;
  readonly #buffer: SharedArrayBuffer;
  readonly #slotsOffset: number;
  readonly #strideBytes: number;
  /** By slot. */
  readonly #whole: (ViewOf<E> | undefined)[] = [];
  /** By slot, the oldest first. */
  readonly #parts: ViewOf<E>[][] = [];
  readonly #length: number;

  /** @param length elements of a slot. */
  constructor(
    elementType: E,
    length: number,
    buffer: SharedArrayBuffer,
    { slotsOffset, strideBytes }: { readonly slotsOffset: number; readonly strideBytes: number },
  ) {
    this.#elementType = elementType;
    this.#length = length;
    this.#buffer = buffer;
    this.#slotsOffset = slotsOffset;
    this.#strideBytes = strideBytes;
  }

  /** The first `length` elements of a slot; all of them unless given. */
  of(slot: number, length = this.#length): ViewOf<E> {
    if (length !== this.#length) return this.#part(slot, length);
    const known = this.#whole[slot];
    if (known !== undefined) return known;
    const view = this.#create(slot, length);
    this.#whole[slot] = view;
    return view;
  }

  #part(slot: number, length: number): ViewOf<E> {
    const parts = this.#parts[slot] ?? [];
    this.#parts[slot] = parts;
    for (const view of parts) if (view.length === length) return view;
    if (parts.length === MAX_PARTS) parts.shift();
    const view = this.#create(slot, length);
    parts.push(view);
    return view;
  }

  #create(slot: number, length: number): ViewOf<E> {
    const byteOffset = this.#slotsOffset + slot * this.#strideBytes;
    return viewOf(this.#elementType, this.#buffer, byteOffset, length);
  }
}
