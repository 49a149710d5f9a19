/** How a pool's part of a slab is divided: what it knows of its slots, and the slots. */

import { COUNTERS_LENGTH, MAX_THREADS } from './counters.ts';
import { bytesPerElement } from './element-type.ts';
import { FreeList } from './free-list.ts';
import { type PoolSpec, slotLength } from './pool-options.ts';
import { alignmentOf, PAGE_BYTES, roundUp } from './slab.ts';

/**
 * ```
 * ┌ times ┬ counters ┬ signals ┬ rows ┬ free list ┬ words ┬ told ┬ … page ┬ slot 0 ┬ slot 1 ┬ …
 *   f64     f64        i32       i32    i32         i32     i32
 * ```
 */
export interface PoolMemory {
  readonly times: Float64Array;
  readonly counters: Float64Array;
  /** `Signal` says what stands where. */
  readonly signals: Int32Array;
  /** Which rows of the counters threads have. */
  readonly rows: Int32Array;
  readonly freeList: Int32Array;
  /** State and generation of each slot. */
  readonly words: Int32Array;
  /** The last leaked lease of each slot that somebody was told of. */
  readonly told: Int32Array;
  /** Where slot 0 begins in the slab. */
  readonly slotsOffset: number;
  readonly strideBytes: number;
}

export const Signal = { waiters: 0, releases: 1, epoch: 2, lowWater: 3 } as const;
const N_SIGNALS = 4;
/** The epoch counts how often the pool was cleared; its lowest bit says that the pool is closed. */
export const CLOSED = 1;
export const EPOCH_STEP = 2;

/** Bytes from one slot to the next. */
export function slotStrideBytes(spec: Pick<PoolSpec, 'elementType' | 'shape'>): number {
  const bytes = slotLength(spec) * bytesPerElement(spec.elementType);
  return roundUp(bytes, alignmentOf(bytes));
}

/** Bytes of a slab that a pool takes at its maximum, in whole pages. */
export function poolBytes(spec: PoolSpec): number {
  return controlBytes(spec.max) + roundUp(slotStrideBytes(spec) * spec.max, PAGE_BYTES);
}

/**
 * Bytes of a slab in which all these pools fit at their maxima, in any order. Whoever else reserves
 * in the slab adds its own bytes, rounded up to pages.
 */
export function slabBytesFor(specs: Iterable<PoolSpec>): number {
  let bytes = 0;
  for (const spec of specs) bytes += poolBytes(spec);
  return bytes;
}

/** @param byteOffset of {@link poolBytes} bytes that were reserved for the pool. */
export function poolMemoryAt(
  buffer: SharedArrayBuffer,
  byteOffset: number,
  spec: PoolSpec,
): PoolMemory {
  const { max } = spec;
  let at = byteOffset;
  const take = (bytes: number): number => {
    const from = at;
    at += bytes;
    return from;
  };
  return {
    times: new Float64Array(buffer, take(3 * max * 8), 3 * max),
    counters: new Float64Array(buffer, take(COUNTERS_LENGTH * 8), COUNTERS_LENGTH),
    signals: new Int32Array(buffer, take(N_SIGNALS * 4), N_SIGNALS),
    rows: new Int32Array(buffer, take(MAX_THREADS * 4), MAX_THREADS),
    freeList: new Int32Array(buffer, take(FreeList.words(max) * 4), FreeList.words(max)),
    words: new Int32Array(buffer, take(max * 4), max),
    told: new Int32Array(buffer, take(max * 4), max),
    slotsOffset: byteOffset + controlBytes(max),
    strideBytes: slotStrideBytes(spec),
  };
}

/** Bytes before slot 0. */
export function controlBytes(max: number): number {
  const words = N_SIGNALS + MAX_THREADS + FreeList.words(max) + 2 * max;
  return roundUp((3 * max + COUNTERS_LENGTH) * 8 + words * 4, PAGE_BYTES);
}
