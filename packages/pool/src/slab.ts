/** One shared block of memory that pools cut their slots from; nothing is ever given back to it. */

import { PoolError } from './pool-error.ts';

/** Slots of a page or more begin on a page, so that a page belongs to one slot alone. */
export const PAGE_BYTES = 4096;
/** Smaller slots begin on a cache line. */
const CACHE_LINE_BYTES = 64;
const WASM_PAGE_BYTES = 65_536;
const WASM_MAX_PAGES = 65_536;

/** A shared `WebAssembly.Memory`, as far as a slab needs it. */
export interface SharedMemory {
  /** A `SharedArrayBuffer`. */
  readonly buffer: ArrayBufferLike;
}

// Part of every Node.js, but not of the type libraries in use.
declare const WebAssembly: {
  readonly Memory: new (descriptor: {
    readonly initial: number;
    readonly maximum: number;
    readonly shared: true;
  }) => SharedMemory;
};

/** Memory that a manager of this thread has. */
const claimed = new WeakSet<SharedArrayBuffer>();

/** A block of shared memory, and how much of it is set apart. */
export class Slab {
  /** The memory itself. */
  readonly buffer: SharedArrayBuffer;
  /** The WebAssembly.Memory that {@link buffer} is the memory of; null over a bare buffer. */
  readonly memory: SharedMemory | null;
  #bytesReserved = 0;

  /**
   * @param memory must not grow: a grown memory is another buffer.
   * @throws PoolError `invalid_option` when it is not shared.
   */
  constructor(memory: SharedMemory | SharedArrayBuffer) {
    const buffer = memory instanceof SharedArrayBuffer ? memory : memory.buffer;
    if (!(buffer instanceof SharedArrayBuffer)) {
      throw new PoolError('invalid_option', 'a slab needs shared memory');
    }
    this.buffer = buffer;
    this.memory = memory instanceof SharedArrayBuffer ? null : memory;
  }

  /**
   * A slab of at least `bytes`, over a new shared WebAssembly.Memory up to the 4 GiB where such
   * a memory ends, which begins on a page; above, over a SharedArrayBuffer, which promises 16
   * bytes. Its address space is taken at once ({@link allocatedBytes}), its pages when they are
   * first written.
   *
   * @throws PoolError `invalid_option` when `bytes` is not positive.
   */
  static allocate(bytes: number): Slab {
    const pages = wasmPages(bytes);
    if (!(pages >= 1)) {
      throw new PoolError('invalid_option', `a slab of ${bytes} bytes cannot be allocated`);
    }
    if (pages > WASM_MAX_PAGES) return new Slab(new SharedArrayBuffer(bytes));
    return new Slab(new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }));
  }

  /**
   * Takes the slab for one manager.
   *
   * @throws PoolError `invalid_option` when one has this memory already.
   */
  claim(): this {
    if (claimed.has(this.buffer)) {
      throw new PoolError('invalid_option', 'another manager has this slab');
    }
    claimed.add(this.buffer);
    return this;
  }

  /** Lets another manager have it: for who claimed it and came to nothing. */
  unclaim(): void {
    claimed.delete(this.buffer);
  }

  /** Bytes of the block. */
  get bytesTotal(): number {
    return this.buffer.byteLength;
  }

  /** Bytes handed out, with the gaps that alignment left. */
  get bytesReserved(): number {
    return this.#bytesReserved;
  }

  /**
   * Sets `bytes` apart for good and answers where they begin.
   *
   * @param alignment a power of two; that of a slot of this size unless given.
   * @throws PoolError `slab_full`; `invalid_option`.
   */
  reserve(bytes: number, alignment: number = alignmentOf(bytes)): number {
    if (!Number.isSafeInteger(bytes) || bytes < 1) {
      throw new PoolError('invalid_option', `cannot reserve ${bytes} bytes`);
    }
    if (!Number.isInteger(Math.log2(alignment))) {
      throw new PoolError('invalid_option', `alignment ${alignment} is not a power of two`);
    }
    const byteOffset = roundUp(this.#bytesReserved, alignment);
    if (byteOffset + bytes > this.bytesTotal) {
      throw new PoolError(
        'slab_full',
        `${bytes} bytes do not fit: ${this.bytesTotal - byteOffset} of ${this.bytesTotal} are left`,
      );
    }
    this.#bytesReserved = byteOffset + bytes;
    return byteOffset;
  }
}

/** What {@link Slab.allocate} takes for `bytes`: whole pages of WebAssembly, as far as it goes. */
export function allocatedBytes(bytes: number): number {
  const pages = wasmPages(bytes);
  return pages > WASM_MAX_PAGES ? bytes : pages * WASM_PAGE_BYTES;
}

function wasmPages(bytes: number): number {
  return Math.ceil(bytes / WASM_PAGE_BYTES);
}

/** Where a slot of `bytes` may begin: on a page, or on a cache line where it is smaller. */
export function alignmentOf(bytes: number): number {
  return bytes >= PAGE_BYTES ? PAGE_BYTES : CACHE_LINE_BYTES;
}

export function roundUp(bytes: number, alignment: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}
