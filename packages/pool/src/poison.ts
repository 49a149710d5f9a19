/** A pattern that no tensor holds by chance, to find writes to memory that was given back. */

const PATTERN = 0xdb;

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

export function poison(view: ArrayBufferView): void {
  bytesOf(view).fill(PATTERN);
}

/** Whether nobody wrote to it since {@link poison}. */
export function isPoisoned(view: ArrayBufferView): boolean {
  return bytesOf(view).every((byte) => byte === PATTERN);
}
