/** Buffers that are allocated once, lent and returned. */

export { BufferPool } from './buffer-pool.ts';
export { concurrencyFor } from './concurrency.ts';
export type { ElementType, ViewOf } from './element-type.ts';
export type { Lease } from './lease.ts';
export { PoolError, type PoolErrorCode, PoolExhausted, type SlotHolder } from './pool-error.ts';
export { type PoolOptions, type PoolSpec, slabBytesFor, slotStrideBytes } from './pool-options.ts';
export type { PoolStats } from './pool-stats.ts';
export { type SharedMemory, Slab } from './slab.ts';
