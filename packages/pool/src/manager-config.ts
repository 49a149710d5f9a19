/** The plain object that says which pools a process has, checked, and what it will take. */

import type { Leak } from './leak.ts';
import { PoolError } from './pool-error.ts';
import { poolBytes, slotStrideBytes } from './pool-memory.ts';
import {
  checkPool,
  checkThread,
  type PoolBehaviour,
  type PoolSpec,
  partsOf,
} from './pool-options.ts';
import { allocatedBytes } from './slab.ts';

/** The options of one of a manager's pools. */
export interface PoolConfig
  extends Omit<PoolSpec, 'name'>,
    Omit<PoolBehaviour, (typeof MANAGERS_OWN)[number]> {
  /** Name of the slab that it lies in; `main` unless given. */
  readonly slab?: string;
}
/** Options of pools under their names. */
export type PoolsConfig = Readonly<Record<string, PoolConfig>>;

/** What a process has of pools. */
export interface ManagerConfig<Pools extends PoolsConfig = PoolsConfig> {
  /** Under their names. */
  readonly pools: Pools;
  /** Bytes that each slab has beside its pools, for others that work in it. */
  readonly extraBytes?: Readonly<Record<string, number>>;
  /** A configuration that may take more is refused; no limit unless given. */
  readonly maxBytes?: number;
  /** Slots beyond `initial` that are unused for so long are given back; never unless given. */
  readonly idleMs?: number;
  /** Is told of each leaked lease, once; a warning of the process unless given. */
  readonly onLeak?: (leak: Leak) => void;
  /** How far the pools' clock may be behind; 20 unless given. */
  readonly tickMs?: number;
  /** How often leaks and idle slots are looked for; 1,000 unless given. */
  readonly watchMs?: number;
}

/** Options of a pool that its manager has for all of them. */
const MANAGERS_OWN = ['now', 'onLeak'] as const;
const MANAGER_KEYS = ['pools', 'extraBytes', 'maxBytes', 'idleMs', 'onLeak', 'tickMs', 'watchMs'];
export const MAIN_SLAB = 'main';

/** What a configuration takes, before anything is allocated. */
export interface MemoryPlan {
  /** At the start: `initial` slots of each pool. */
  readonly bytesInitial: number;
  /** With every pool at its maximum, what lies beside them, and what is left of whole pages. */
  readonly bytesMax: number;
  /** Of each slab, as it is allocated. */
  readonly slabs: Readonly<Record<string, number>>;
}

/**
 * What a manager of this configuration will take; nothing is allocated.
 *
 * @throws PoolError `invalid_option` that names what is wrong; above `maxBytes` too.
 */
export function planMemory(config: ManagerConfig): MemoryPlan {
  checkConfig(config);
  const { pools, maxBytes = Number.POSITIVE_INFINITY } = config;
  let bytesInitial = 0;
  for (const pool of Object.values(pools)) {
    bytesInitial += slotStrideBytes(pool) * pool.initial;
  }
  const slabs = Object.entries(bytesNeeded(config)).map(
    ([name, bytes]) => [name, allocatedBytes(bytes)] as const,
  );
  const bytesMax = slabs.reduce((sum, [, bytes]) => sum + bytes, 0);
  if (bytesMax > maxBytes) {
    refuse(`the pools take up to ${bytesMax} bytes, more than maxBytes ${maxBytes}`);
  }
  return { bytesInitial, bytesMax, slabs: Object.fromEntries(slabs) };
}

/** Bytes that each slab must have room for; the configuration has been checked. */
export function bytesNeeded({
  pools,
  extraBytes,
}: ManagerConfig): Readonly<Record<string, number>> {
  const bytes = new Map(Object.entries(extraBytes ?? {}));
  for (const [name, { slab = MAIN_SLAB, ...options }] of Object.entries(pools)) {
    const { spec } = partsOf({ ...options, name });
    bytes.set(slab, (bytes.get(slab) ?? 0) + poolBytes(spec));
  }
  return Object.fromEntries(bytes);
}

function checkConfig(config: ManagerConfig): void {
  for (const key of Object.keys(config)) {
    if (!MANAGER_KEYS.includes(key)) refuse(`there is no option '${key}'`);
  }
  const { maxBytes, idleMs, tickMs, watchMs, pools, extraBytes = {} } = config;
  for (const [name, value] of Object.entries({ maxBytes, idleMs, tickMs, watchMs })) {
    if (value !== undefined && !(value > 0)) refuse(`${name} must be positive`);
  }
  for (const [slab, bytes] of Object.entries(extraBytes)) {
    if (!Number.isSafeInteger(bytes) || bytes < 0) refuse(`extraBytes.${slab} is ${bytes}`);
  }
  for (const [name, { slab: _, ...options }] of Object.entries(pools)) {
    for (const key of MANAGERS_OWN) {
      if (key in options) refuse(`${name}: ${key} is the manager's`);
    }
    const { spec, rules, thread } = partsOf({ ...options, name });
    checkPool(spec, rules);
    checkThread(thread);
  }
}

function refuse(reason: string): never {
  throw new PoolError('invalid_option', reason);
}
