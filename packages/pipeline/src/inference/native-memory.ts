/** The C runtime: addresses of memory for native calls, pages given back, file locks, C strings. */

import { closeSync, fstatSync, openSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import type { PoolBehaviour } from '@amanuensis/pool';
import koffi from 'koffi';

/** A native address; 0n is NULL. */
export type Address = bigint;

/**
 * The stack of asynchronous calls. ORT parses and optimises graphs recursively on the calling
 * thread; koffi's default is 128 KiB. Pages that are never touched cost nothing.
 */
const ASYNC_STACK_BYTES = 8 * 1024 * 1024;
const C_RUNTIME = process.platform === 'win32' ? 'ucrtbase.dll' : null;

/**
 * The advice of Linux that frees the pages of a private mapping without a file at once: they read as
 * zeros, and are taken again when they are written. V8 maps a shared WebAssembly.Memory and a large
 * SharedArrayBuffer so. MADV_FREE leaves pages and contents until the system is short of memory;
 * MADV_REMOVE is for mappings that processes share, and is refused here.
 */
const MADV_DONTNEED = 4;

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

export type ReclaimPages = NonNullable<PoolBehaviour['reclaim']>;

/**
 * Gives the memory of a range back to the system; undefined where that cannot be done, which is
 * everywhere but on Linux.
 *
 * Only pages that lie in the range as a whole are given back, and read as zeros; what shares a page
 * with bytes outside stays as it was. Blocks for 0.05 to 0.15 ms a MiB that is in memory.
 *
 * @throws Error with the system's name of what is wrong, `EINVAL` for pages that are locked.
 */
export const reclaimPages: ReclaimPages | undefined =
  process.platform === 'linux' ? pageReclaimer() : undefined;

function pageReclaimer(): ReclaimPages {
  const madvise = cRuntime.func('madvise', 'int', ['void *', 'size_t', 'int']) as (
    start: ArrayBufferView,
    bytes: number,
    advice: number,
  ) => number;
  const getpagesize = cRuntime.func('getpagesize', 'int', []) as () => number;
  // 64 KiB on some machines, more than what a slab takes for a page.
  const pageBytes = getpagesize();
  return (buffer, byteOffset, length) => {
    const address = addressOf(new Uint8Array(buffer, byteOffset, length));
    const skipped = Number(BigInt.asUintN(64, -address) % BigInt(pageBytes));
    const bytes = Math.floor((length - skipped) / pageBytes) * pageBytes;
    if (bytes <= 0) return;
    const pages = new Uint8Array(buffer, byteOffset + skipped, bytes);
    if (madvise(pages, bytes, MADV_DONTNEED) === 0) return;
    throw new Error(`madvise: ${getSystemErrorName(-koffi.errno())}`);
  };
}

const LOCK_EXCLUSIVE = 2;
const LOCK_NON_BLOCKING = 4;

/**
 * Takes the lock of an open file, which ends with the file or with the process, whatever ends that;
 * false where another open file has it. Undefined where the system has no such call: on Windows.
 *
 * @throws Error with the system's name of what is wrong.
 */
export const lockDescriptor: ((descriptor: number) => boolean) | undefined =
  process.platform === 'win32' ? undefined : descriptorLocker();

function descriptorLocker(): (descriptor: number) => boolean {
  const flock = cRuntime.func('flock', 'int', ['int', 'int']) as (
    descriptor: number,
    operation: number,
  ) => number;
  return (descriptor) => {
    if (flock(descriptor, LOCK_EXCLUSIVE | LOCK_NON_BLOCKING) === 0) return true;
    const name = getSystemErrorName(-koffi.errno());
    if (name === 'EAGAIN' || name === 'EWOULDBLOCK') return false;
    throw new Error(`flock: ${name}`);
  };
}

/** A file as memory: its pages are the page cache's, read when they are touched. */
export interface MappedFile {
  readonly address: Address;
  readonly bytes: number;
  /** Nothing may read it any more. */
  unmap(): void;
}

const PROT_READ = 1;
const MAP_SHARED = 1;
const MAP_FAILED = 2n ** 64n - 1n;

/**
 * Maps a file for reading; undefined where that is done in other ways, which is on Windows.
 *
 * Reading pages of a file that was cut off since ends the process: a file that may be mapped is
 * replaced by renaming another over it.
 *
 * @throws Error of `node:fs` where it cannot be opened, or with the system's name of what is wrong.
 */
export const mapFile: ((path: string) => MappedFile) | undefined =
  process.platform === 'win32' ? undefined : fileMapper();

function fileMapper(): (path: string) => MappedFile {
  const mmap = cRuntime.func('mmap', 'uintptr_t', [
    'void *',
    'size_t',
    'int',
    'int',
    'int',
    'int64_t',
  ]) as (...args: readonly (number | null)[]) => number | bigint;
  const munmap = cRuntime.func('munmap', 'int', ['uintptr_t', 'size_t']) as (
    address: Address,
    bytes: number,
  ) => number;
  return (path) => {
    const file = openSync(path, 'r');
    try {
      const { size: bytes } = fstatSync(file);
      const address = BigInt(mmap(null, bytes, PROT_READ, MAP_SHARED, file, 0));
      if (address === MAP_FAILED) {
        throw new Error(`mmap of ${path}: ${getSystemErrorName(-koffi.errno())}`);
      }
      return { address, bytes, unmap: () => void munmap(address, bytes) };
    } finally {
      closeSync(file);
    }
  };
}

/** `text` as NUL-terminated UTF-8. */
export function cString(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}

/** The pointer that lies at `address`. */
export function readPointer(address: Address): Address {
  return koffi.decode(address, 'void *');
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
