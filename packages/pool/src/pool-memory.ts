/** How a pool's part of a slab is divided: what it knows of its slots, and the slots. */

import { COUNTERS_LENGTH } from './counters.ts';
import { bytesPerElement } from './element-type.ts';
import { FreeList } from './free-list.ts';
import { type PoolSpec, slotLength } from './pool-options.ts';
import { alignmentOf, PAGE_BYTES, roundUp } from './slab.ts';

/**
 * ```
 * ┌ times ┬ counters ┬ signals ┬ free list ┬ slot words ┬ … page ┬ slot 0 ┬ slot 1 ┬ …
 *   f64     f64        i32       i32         i32
 * ```
 */
export interface PoolMemory {
  readonly times: Float64Array;
  readonly counters: Float64Array;
  /** `Signal` says what stands where. */
  readonly signals: Int32Array;
  readonly freeList: Int32Array;
  readonly words: Int32Array;
  /** Where slot 0 begins in the slab. */
  readonly slotsOffset: number;
  readonly strideBytes: number;
}

export const Signal = { threads: 0, waiters: 1, releases: 2, epoch: 3, lowWater: 4 } as const;
const N_SIGNALS = 5;

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
    freeList: new Int32Array(buffer, take(FreeList.words(max) * 4), FreeList.words(max)),
    words: new Int32Array(buffer, take(max * 4), max),
    slotsOffset: byteOffset + controlBytes(max),
    strideBytes: slotStrideBytes(spec),
  };
}

/** Bytes before slot 0. */
export function controlBytes(max: number): number {
  const words = N_SIGNALS + FreeList.words(max) + max;
  return roundUp((3 * max + COUNTERS_LENGTH) * 8 + words * 4, PAGE_BYTES);
}
