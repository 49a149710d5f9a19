/** The plain object that says which pools a process has, checked, and what it will take. */

import type { ElementType } from './element-type.ts';
import { PoolError } from './pool-error.ts';
import { poolBytes, slotStrideBytes } from './pool-memory.ts';
import { checkOptions, type PoolBehaviour, type PoolSpec } from './pool-options.ts';

export interface PoolConfig extends Omit<PoolSpec, 'name'>, Omit<PoolBehaviour, 'now'> {
  /** Name of the slab that it lies in; `main` unless given. */
  readonly slab?: string;
}
export type PoolsConfig = Readonly<Record<string, PoolConfig>>;

export interface ManagerConfig<Pools extends PoolsConfig = PoolsConfig> {
  readonly pools: Pools;
  /** Bytes that each slab has beside its pools, for others that work in it. */
  readonly extraBytes?: Readonly<Record<string, number>>;
  /** A configuration that may take more is refused; no limit unless given. */
  readonly maxBytes?: number;
  /** Slots beyond `initial` that are unused for so long are given back; never unless given. */
  readonly idleMs?: number;
  /** How far the pools' clock may be behind, and how often leaks and idle slots are looked for. */
  readonly tickMs?: number;
  readonly watchMs?: number;
}

const MANAGER_KEYS = ['pools', 'extraBytes', 'maxBytes', 'idleMs', 'tickMs', 'watchMs'];
const MAIN_SLAB = 'main';

/** What a configuration takes, before anything is allocated. */
export interface MemoryPlan {
  /** At the start: `initial` slots of each pool. */
  readonly bytesInitial: number;
  /** With every pool at its maximum, and what lies beside them. */
  readonly bytesMax: number;
  readonly slabs: Readonly<Record<string, number>>;
}

/** @throws PoolError `invalid_option` that names what is wrong; above `maxBytes` too. */
export function planMemory(config: ManagerConfig): MemoryPlan {
  for (const key of Object.keys(config)) {
    if (!MANAGER_KEYS.includes(key)) refuse(`there is no option '${key}'`);
  }
  checkNumbers(config);
  const slabs: Record<string, number> = { ...config.extraBytes };
  let bytesInitial = 0;
  for (const [name, pool] of Object.entries(config.pools)) {
    const { spec, behaviour, slab } = partsOf(name, pool);
    checkOptions(spec, behaviour);
    slabs[slab] = (slabs[slab] ?? 0) + poolBytes(spec);
    bytesInitial += slotStrideBytes(spec) * spec.initial;
  }
  const bytesMax = Object.values(slabs).reduce((sum, bytes) => sum + bytes, 0);
  if (bytesMax > (config.maxBytes ?? Number.POSITIVE_INFINITY)) {
    refuse(`the pools take up to ${bytesMax} bytes, more than maxBytes ${config.maxBytes}`);
  }
  return { bytesInitial, bytesMax, slabs };
}

export function partsOf<P extends PoolConfig>(name: string, pool: P) {
  const { elementType, shape, initial, max, slab = MAIN_SLAB, ...behaviour } = pool;
  const spec: PoolSpec<P['elementType'] & ElementType> = { name, elementType, shape, initial, max };
  return { spec, behaviour, slab };
}

function checkNumbers({ maxBytes, idleMs, tickMs, watchMs, extraBytes = {} }: ManagerConfig): void {
  for (const [name, value] of Object.entries({ maxBytes, idleMs, tickMs, watchMs })) {
    if (value !== undefined && !(value > 0)) refuse(`${name} must be positive`);
  }
  for (const [slab, bytes] of Object.entries(extraBytes)) {
    if (!Number.isSafeInteger(bytes) || bytes < 0) refuse(`extraBytes.${slab} is ${bytes}`);
  }
}

function refuse(reason: string): never {
  throw new PoolError('invalid_option', reason);
}
