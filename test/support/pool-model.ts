/** A small pool, and what it should be: plain arrays and numbers. */

import { expect } from 'vitest';
import type { BufferPool, Lease } from '../../packages/pool/src/index.ts';
import { createPool } from './pools.ts';

export const SLOT_LENGTH = 16;

export interface RealPool {
  readonly pool: BufferPool<'uint8'>;
  /** Like the model's, in the same order. */
  readonly held: Lease<'uint8'>[];
  readonly over: Lease<'uint8'>[];
}

export interface PoolModel {
  readonly max: number;
  readonly initial: number;
  /** Free slots, the next on top. */
  readonly stack: number[];
  readonly held: { readonly slot: number; readonly epoch: number; readonly value: number }[];
  /** When each committed slot was used last. */
  readonly usedAtMs: Map<number, number>;
  readonly clock: { nowMs: number };
  epoch: number;
  nOver: number;
  readonly counts: Record<
    | 'acquires'
    | 'releases'
    | 'hits'
    | 'misses'
    | 'exhaustions'
    | 'doubleReleases'
    | 'highWaterMark',
    number
  >;
}

/** A pool and its model, as they begin. */
export function startModel({ max, initial }: { readonly max: number; readonly initial: number }): {
  model: PoolModel;
  real: RealPool;
} {
  const clock = { nowMs: 1 };
  const pool = createSmallPool({ name: 'p', max, initial, now: () => clock.nowMs });
  const model: PoolModel = {
    max,
    initial,
    clock,
    stack: Array.from({ length: max }, (_, i) => max - 1 - i),
    held: [],
    usedAtMs: new Map(Array.from({ length: initial }, (_, slot) => [slot, 1])),
    epoch: 0,
    nOver: 0,
    counts: {
      acquires: 0,
      releases: 0,
      hits: 0,
      misses: 0,
      exhaustions: 0,
      doubleReleases: 0,
      highWaterMark: 0,
    },
  };
  return { model, real: { pool, held: [], over: [] } };
}

/** Of slots of 16 bytes. */
export function createSmallPool(options: {
  readonly name: string;
  readonly max: number;
  readonly initial: number;
  readonly now?: () => number;
}): BufferPool<'uint8'> {
  return createPool<'uint8'>({ elementType: 'uint8', shape: [SLOT_LENGTH], ...options });
}

/** Takes the memory of free slots, from the bottom up, none that was used after `untilMs`. */
export function giveBack({ stack, usedAtMs }: PoolModel, most: number, untilMs = Infinity): void {
  const idle = stack.filter((slot) => {
    const atMs = usedAtMs.get(slot);
    return atMs !== undefined && atMs <= untilMs;
  });
  for (const slot of idle.slice(0, most)) usedAtMs.delete(slot);
}

/** Fails where the pool is not as the model says. */
export function agree({ counts, held, usedAtMs, max }: PoolModel, pool: RealPool['pool']): void {
  expect(pool.stats()).toMatchObject({
    ...counts,
    inUse: held.length,
    available: max - held.length,
    allocations: usedAtMs.size,
    leaked: 0,
  });
  const slots = pool.slots();
  expect(slots.map(({ slot }) => slot)).toEqual([...usedAtMs.keys()].sort((a, b) => a - b));
  const holding = slots.filter(({ holder }) => holder === 'x').map(({ slot }) => slot);
  expect(holding).toEqual(held.map(({ slot }) => slot).sort((a, b) => a - b));
}
