/** Memory of idle slots is given back, never that of leased ones. */

import { once } from 'node:events';
import { expect, test } from 'vitest';
import { BufferPool, type PoolBehaviour } from '../../packages/pool/src/index.ts';
import { beforeNextExchange } from '../support/interleave.ts';
import { createPool } from '../support/pools.ts';

const STRIDE_BYTES = 12_288;

interface Given {
  readonly slots: number[];
  readonly reclaim: NonNullable<PoolBehaviour['reclaim']>;
}

/** Notes which slots are given back, by their place after `offset`. */
function noteSlots(): Given & { offset: number } {
  const given: Given & { offset: number } = {
    offset: 0,
    slots: [],
    reclaim: (buffer, byteOffset, length) => {
      expect(buffer).toBeInstanceOf(SharedArrayBuffer);
      expect(length).toBe(STRIDE_BYTES);
      given.slots.push((byteOffset - given.offset) / STRIDE_BYTES);
    },
  };
  return given;
}

test('clears idle slots now and leased ones on release', () => {
  const given = noteSlots();
  const pool = createPool({ initial: 3, reclaim: given.reclaim });
  const lease = pool.acquire('a');
  given.offset = lease.byteOffset;
  lease.view.fill(5);
  pool.clear();
  expect(given.slots).toEqual([2, 1]);
  expect(pool.stats()).toMatchObject({ allocations: 1, inUse: 1 });
  expect(lease.view[0]).toBe(5);
  lease.release();
  expect(given.slots).toEqual([2, 1, 0]);
  expect(pool.stats()).toMatchObject({ allocations: 0, inUse: 0, bytesCommitted: 0 });
  const later = pool.acquire('b');
  expect(pool.stats()).toMatchObject({ allocations: 1, misses: 1 });
  later.release();
  expect(given.slots).toHaveLength(3);
  expect(pool.stats().allocations).toBe(1);
});

test('commits nothing while a committed slot is free, also after a clear', () => {
  const given = noteSlots();
  const pool = createPool({ initial: 0, max: 2, reclaim: given.reclaim });
  const early = pool.acquire('early');
  given.offset = early.byteOffset;
  pool.clear();
  const late = pool.acquire('late');
  late.release();
  early.release();
  // It stays, and the slot that was used before it gives its memory back.
  expect(given.slots).toEqual([late.slot]);
  expect(pool.stats()).toMatchObject({ allocations: 1, misses: 2 });
  expect(pool.acquire('next').slot).toBe(early.slot);
  expect(pool.stats()).toMatchObject({ allocations: 1, hits: 1, misses: 2 });
});

test('hands a slot that was to be retired to whoever waits for it, with its memory', async () => {
  const given = noteSlots();
  const pool = createPool({ max: 1, reclaim: given.reclaim });
  const held = pool.acquire('holder');
  pool.clear();
  const waiter = pool.acquireAsync('waiter');
  held.release();
  (await waiter).release();
  expect(given.slots).toEqual([]);
  expect(pool.stats()).toMatchObject({ allocations: 1, hits: 2, misses: 0 });
});

test('gives no memory back where a slot has no page for itself', () => {
  for (const [shape, nGiven] of [
    [[4_032], 0],
    [[4_033], 1],
    [[4_096], 1],
  ] as const) {
    const calls: number[] = [];
    const pool = createPool({
      elementType: 'uint8',
      shape,
      initial: 1,
      reclaim: (_buffer, byteOffset, length) => {
        expect(byteOffset % 4_096).toBe(0);
        calls.push(length);
      },
    });
    pool.clear();
    expect(calls).toEqual(Array(nGiven).fill(4_096));
    expect(pool.stats().allocations).toBe(0);
  }
});

test('leaves a slot alone that is leased again while it is being looked for', () => {
  const given = noteSlots();
  const pool = createPool({ initial: 1, max: 1, reclaim: given.reclaim });
  const other = BufferPool.attach(pool.handle);
  // Released again, it would look as before but for its generation.
  beforeNextExchange(() => other.acquire('quick').release());
  pool.clear();
  expect(given.slots).toEqual([]);
  expect(pool.stats()).toMatchObject({ allocations: 1, inUse: 0 });
});

test('retires what another thread leases', () => {
  const pool = createPool();
  const lease = BufferPool.attach(pool.handle).acquire('there');
  pool.clear();
  expect(pool.stats().allocations).toBe(1);
  lease.release();
  expect(pool.stats().allocations).toBe(0);
});

test('gives idle slots beyond the initial ones back, the longest unused first', () => {
  let nowMs = 0;
  const given = noteSlots();
  const pool = createPool({ initial: 1, max: 4, reclaim: given.reclaim, now: () => nowMs });
  const leases = ['a', 'b', 'c', 'd'].map((owner) => pool.acquire(owner));
  given.offset = leases[0]?.byteOffset ?? 0;
  for (const at of [2, 0, 3, 1]) {
    nowMs += 10;
    leases[at]?.release();
  }
  pool.reclaimIdle(31);
  expect(given.slots).toEqual([]);
  pool.reclaimIdle(20);
  expect(given.slots).toEqual([2, 0]);
  pool.reclaimIdle(0);
  expect(given.slots).toEqual([2, 0, 3]);
  pool.reclaimIdle(0);
  expect(given.slots).toHaveLength(3);
  expect(pool.stats()).toMatchObject({ allocations: 1, available: 4 });
  expect(pool.slots()).toMatchObject([{ slot: 1, holder: null }]);
});

test('leaves leased slots and those that were committed lately alone', () => {
  let nowMs = 0;
  const pool = createPool({ initial: 0, max: 3, now: () => nowMs });
  const [a] = [pool.acquire('a'), pool.acquire('b')];
  nowMs = 100;
  a.release();
  nowMs = 105;
  pool.reclaimIdle(6);
  expect(pool.stats().allocations).toBe(2);
  pool.reclaimIdle(5);
  expect(pool.slots()).toMatchObject([{ slot: 1, holder: 'b' }]);
  pool.reclaimIdle(0);
  expect(pool.stats()).toMatchObject({ allocations: 1, inUse: 1 });
});

test('counts a slot that was never used as idle since it was committed', () => {
  let nowMs = 50;
  const pool = createPool({ initial: 2, now: () => nowMs });
  pool.acquire('a');
  pool.acquire('b');
  pool.acquire('c').release();
  nowMs = 60;
  pool.reclaimIdle(11);
  expect(pool.stats().allocations).toBe(3);
  pool.reclaimIdle(10);
  expect(pool.stats().allocations).toBe(2);
});

test('a reclaim that fails is told and keeps no slot from its next holder', async () => {
  const reclaim = (): void => {
    throw new Error('no madvise here');
  };
  const pool = createPool({ max: 1, reclaim });
  const warning = once(process, 'warning');
  const lease = pool.acquire('a');
  pool.clear();
  lease.release();
  expect(pool.stats()).toMatchObject({ inUse: 0, allocations: 0, releases: 1 });
  expect(pool.acquire('b').slot).toBe(0);
  const [said] = (await warning) as [Error];
  expect(said.message).toBe('pool mel: slot 0 keeps its memory: Error: no madvise here');
});
