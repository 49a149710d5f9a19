/** Addresses of JavaScript memory for native calls, and C strings. */

import koffi from 'koffi';

/** A native address; 0n is NULL. */
export type Address = bigint;

/**
 * The stack of asynchronous calls. ORT parses and optimises graphs recursively on the calling
 * thread; koffi's default is 128 KiB. Pages that are never touched cost nothing.
 */
const ASYNC_STACK_BYTES = 8 * 1024 * 1024;
const C_RUNTIME = process.platform === 'win32' ? 'ucrtbase.dll' : null;

// Refused once any library has been loaded, so it comes first.
koffi.config({ async_stack_size: ASYNC_STACK_BYTES });

// Functions do not keep their library loaded: the handle must live as long as the process.
const cRuntime = koffi.load(C_RUNTIME);

// `koffi.address` refuses views of shared memory; a call's pointer parameter takes them, and
// memcpy answers its first parameter.
const memcpy = cRuntime.func('memcpy', 'uintptr_t', ['void *', 'const void *', 'size_t']) as (
  target: ArrayBufferView,
  source: ArrayBufferView,
  bytes: number,
) => number | bigint;

/**
 * Where the first byte of `view` lies, be it over an ArrayBuffer, a SharedArrayBuffer or a
 * WebAssembly.Memory.
 *
 * Valid while the view is reachable and its buffer is neither detached nor, unshared, grown:
 * whoever hands the address to native code keeps the view referenced until that code is done.
 */
export function addressOf(view: ArrayBufferView): Address {
  // Reading `buffer` moves a small typed array off the V8 heap, where it would not stay in place.
  void view.buffer;
  return BigInt(memcpy(view, view, 0));
}

/** `text` as NUL-terminated UTF-8. */
export function cString(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}

export function readCString(address: Address): string {
  return koffi.decode.string(address);
}

/** An array of native pointers: `T **`. */
export function pointerTable(addresses: readonly Address[]): BigUint64Array {
  return BigUint64Array.from(addresses);
}

/** Room for one pointer or size_t that a native call writes: `T **`, `size_t *`. */
export class OutPointer {
  readonly #cell = new BigUint64Array(1);
  readonly address: Address = addressOf(this.#cell);

  get value(): Address {
    return this.#cell[0] ?? 0n;
  }
}
