/** What all threads of a pool share: where it lies, what it holds, and by which rules. */

import type { ElementType } from './element-type.ts';
import { controlBytes, poolBytes } from './pool-memory.ts';
import type { PoolRules, PoolSpec } from './pool-options.ts';
import { PAGE_BYTES, type Slab } from './slab.ts';

/** Everything another thread needs to use the same pool; can be sent to it. */
export interface PoolHandle<E extends ElementType = ElementType> {
  readonly spec: PoolSpec<E>;
  readonly rules: PoolRules;
  /** The slab's memory. */
  readonly buffer: SharedArrayBuffer;
  /** Where the pool begins in it. */
  readonly byteOffset: number;
  /** From when the pool's times count, in milliseconds since 1970. */
  readonly timeOriginMs: number;
}

/** Sets an empty pool apart. @throws PoolError `slab_full` when `max` slots do not fit. */
export function reservePool<E extends ElementType>(
  slab: Slab,
  { shape, ...spec }: PoolSpec<E>,
  rules: PoolRules,
): PoolHandle<E> {
  const own = { ...spec, shape: Object.freeze([...shape]) };
  const { buffer } = slab;
  const byteOffset = slab.reserve(poolBytes(own), PAGE_BYTES);
  // Memory that was handed in may hold anything; an empty pool is all zeros.
  new Uint8Array(buffer, byteOffset, controlBytes(own.max)).fill(0);
  return { spec: own, rules, buffer, byteOffset, timeOriginMs: performance.timeOrigin };
}
