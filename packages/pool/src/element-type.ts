/** What a slot holds, and the typed array that shows it. */

interface Views {
  readonly float32: Float32Array<SharedArrayBuffer>;
  /** As raw bits: Node.js 20 has no array of halves. */
  readonly float16: Uint16Array<SharedArrayBuffer>;
  readonly int16: Int16Array<SharedArrayBuffer>;
  readonly int32: Int32Array<SharedArrayBuffer>;
  readonly uint8: Uint8Array<SharedArrayBuffer>;
}

/** The types of elements that slots may have. */
export type ElementType = keyof Views;
/** The typed array that shows such a slot. */
export type ViewOf<E extends ElementType> = Views[E];

type ViewConstructor<View> = {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: SharedArrayBuffer, byteOffset: number, length: number): View;
};

const ARRAYS: { readonly [E in ElementType]: ViewConstructor<Views[E]> } = {
  float32: Float32Array,
  float16: Uint16Array,
  int16: Int16Array,
  int32: Int32Array,
  uint8: Uint8Array,
};

export function isElementType(value: unknown): value is ElementType {
  return typeof value === 'string' && Object.hasOwn(ARRAYS, value);
}

export function bytesPerElement(type: ElementType): number {
  return ARRAYS[type].BYTES_PER_ELEMENT;
}

/** A view of `length` elements that begins at `byteOffset`; nothing is copied. */
export function viewOf<E extends ElementType>(
  type: E,
  buffer: SharedArrayBuffer,
  byteOffset: number,
  length: number,
): ViewOf<E> {
  return new ARRAYS[type](buffer, byteOffset, length);
}
