/** Buffers that are allocated once, lent and returned. */

export {
  BufferManager,
  type LeasesOf,
  type ShutdownOptions,
  type ShutdownReport,
} from './buffer-manager.ts';
export { BufferPool } from './buffer-pool.ts';
export { concurrencyFor } from './concurrency.ts';
export type { ElementType, ViewOf } from './element-type.ts';
export type { Leak } from './leak.ts';
export type { Lease } from './lease.ts';
export {
  type ManagerConfig,
  type MemoryPlan,
  type PoolConfig,
  type PoolsConfig,
  planMemory,
} from './manager-config.ts';
export { PoolError, type PoolErrorCode, PoolExhausted, type SlotHolder } from './pool-error.ts';
export type { PoolHandle } from './pool-handle.ts';
export { poolBytes, slabBytesFor, slotStrideBytes } from './pool-memory.ts';
export type {
  PoolBehaviour,
  PoolOptions,
  PoolRules,
  PoolSpec,
  ThreadOptions,
} from './pool-options.ts';
export type { PoolStats, SlotStatus, WaitStats } from './pool-stats.ts';
export { type SharedMemory, Slab } from './slab.ts';
export type { WaitOptions } from './wait-queue.ts';
