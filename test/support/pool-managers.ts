/** Managers over a few pools, which end with their test. */

import { onTestFinished } from 'vitest';
import { BufferManager, type ManagerConfig, type Slab } from '../../packages/pool/src/index.ts';

export const MANAGED_POOLS = {
  audio: { elementType: 'float32', shape: [480_000], initial: 1, max: 2 },
  mel: { elementType: 'float32', shape: [80, 3_000], initial: 1, max: 2 },
  tokens: { elementType: 'int32', shape: [448], initial: 0, max: 1, slab: 'small' },
} as const;

export function openManager<const C extends ManagerConfig>(
  config: C,
  slabs?: Readonly<Record<string, Slab>>,
): BufferManager<C['pools']> {
  const manager = new BufferManager<C['pools']>(config, slabs);
  onTestFinished(() => manager[Symbol.dispose]());
  return manager;
}
