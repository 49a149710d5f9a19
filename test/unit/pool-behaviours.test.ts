/** What a pool does for one thread: lends, returns, grows, and refuses what it cannot do. */

import { expect, test } from 'vitest';
import { FreeList } from '../../packages/pool/src/free-list.ts';
import { BufferPool, Slab, slabBytesFor } from '../../packages/pool/src/index.ts';
import { poolMemoryAt } from '../../packages/pool/src/pool-memory.ts';
import { catchError, createPool, SPEC } from '../support/pools.ts';

const N_ITERATIONS = 1_000;

test('is initialised with its shape, size and slots', () => {
  const pool = createPool({ initial: 2 });
  expect(pool).toMatchObject({ name: 'mel', elementType: 'float32', shape: [80, 30], max: 3 });
  expect(pool.slotBytes).toBe(80 * 30 * 4);
  expect(pool.stats()).toMatchObject({ allocations: 2, inUse: 0, available: 3, misses: 0 });
  expect(pool.slots()).toHaveLength(2);
  expect(Object.isFrozen(pool.shape)).toBe(true);
});

test('does not follow a shape that its caller changes later', () => {
  const shape = [4, 4];
  const pool = createPool({ shape });
  shape[0] = 1_000;
  expect(pool.shape).toEqual([4, 4]);
  expect(pool.acquire('me').view.length).toBe(16);
});

test('is refused by a slab that is too small for its maximum, and takes nothing of it', () => {
  const slab = new Slab(new SharedArrayBuffer(slabBytesFor([SPEC]) - 1));
  expect(catchError(() => BufferPool.create({ ...SPEC, slab }))).toMatchObject({
    code: 'slab_full',
  });
  expect(slab.bytesReserved).toBe(0);
});

test('grows with what is asked for, from nothing', () => {
  const pool = createPool({ initial: 0 });
  expect(pool.stats()).toMatchObject({ allocations: 0, available: 3, bytesCommitted: 0 });
  const first = pool.acquire('a');
  expect(pool.stats()).toMatchObject({ allocations: 1, misses: 1, hits: 0, hitRate: 0 });
  first.release();
  pool.acquire('b');
  expect(pool.stats()).toMatchObject({ allocations: 1, misses: 1, hits: 1, hitRate: 0.5 });
  pool.acquire('c');
  expect(pool.stats()).toMatchObject({ allocations: 2, misses: 2 });
});

test('gives the same memory again, as its last holder left it', () => {
  const pool = createPool();
  const first = pool.acquire('a');
  first.view[5] = 42;
  const { view, slot, byteOffset } = first;
  first.release();
  const second = pool.acquire('b');
  expect(second).toMatchObject({ slot, byteOffset, owner: 'b' });
  expect(second.view).toBe(view);
  expect(second.view[5]).toBe(42);
});

test('answers null when exhausted, if it is asked so, and counts no exhaustion', () => {
  const pool = createPool({ max: 1 });
  const lease = pool.tryAcquire('a');
  expect(lease?.owner).toBe('a');
  expect(pool.tryAcquire('b')).toBeNull();
  expect(pool.stats()).toMatchObject({ acquires: 1, exhaustions: 0 });
  lease?.release();
  expect(pool.tryAcquire('b')?.slot).toBe(0);
});

test('lends a slot to nobody while it is leased, whatever the free list says', () => {
  const pool = createPool();
  const { slot } = pool.acquire('holder');
  const { buffer, byteOffset, spec } = pool.handle;
  new FreeList(poolMemoryAt(buffer, byteOffset, spec).freeList, spec.max).push(slot);
  expect(catchError(() => pool.acquire('second'))).toMatchObject({
    code: 'corrupted',
    message: 'mel: slot 0 lent twice',
  });
  expect(pool.acquire('third').slot).toBe(1);
});

test('lends 1,000 times from one slot without losing it', () => {
  const pool = createPool({ max: 1 });
  for (let i = 0; i < N_ITERATIONS; i++) {
    using lease = pool.acquire(`job ${i}`);
    expect(lease.slot).toBe(0);
  }
  expect(pool.stats()).toMatchObject({
    acquires: N_ITERATIONS,
    releases: N_ITERATIONS,
    allocations: 1,
    inUse: 0,
    hasLeaks: false,
  });
});

test('lends and returns by turns, several at a time', () => {
  const pool = createPool();
  for (let i = 0; i < N_ITERATIONS; i++) {
    const leases = [pool.acquire('a'), pool.acquire('b')];
    leases[i % 2]?.release();
    leases.push(pool.acquire('c'));
    leases[1 - (i % 2)]?.release();
    leases[2]?.release();
  }
  const cycles = 3 * N_ITERATIONS;
  expect(pool.stats()).toMatchObject({ acquires: cycles, releases: cycles, allocations: 2 });
});

test('holds large buffers', () => {
  const shape = [1_500, 4_096];
  const pool = createPool({ shape, initial: 0, max: 2 });
  const [a, b] = [pool.acquire('a'), pool.acquire('b')];
  a.view.fill(1);
  b.view.fill(2);
  expect(a.view.length).toBe(6_144_000);
  expect([a.view[0], a.view.at(-1), b.view[0], b.view.at(-1)]).toEqual([1, 1, 2, 2]);
  expect(pool.stats().bytesCommitted).toBe(2 * 6_144_000 * 4);
});

test('serves 4,095 slots and no more', () => {
  const spec = { elementType: 'uint8', shape: [1], initial: 0 } as const;
  const pool = createPool({ ...spec, max: 4_095 });
  const slots = Array.from({ length: 4_095 }, () => pool.acquire('me').slot);
  expect(new Set(slots).size).toBe(4_095);
  expect(pool.stats()).toMatchObject({ inUse: 4_095, highWaterMark: 4_095 });
  expect(catchError(() => createPool({ ...spec, max: 4_096 }))).toMatchObject({
    code: 'invalid_option',
  });
});

test.each([
  [{ onRelease: 'burn' }, /onRelease/],
  [{ maxLeaseMs: 0 }, /maxLeaseMs/],
  [{ maxLeaseMs: Number.NaN }, /maxLeaseMs/],
  [{ initial: 0.5 }, /initial/],
  [{ name: 5 }, /name/],
  [{ elementType: 'toString' }, /elementType/],
])('refuses the behaviour %j', (wrong, reason) => {
  expect(catchError(() => createPool(wrong as object))).toMatchObject({
    code: 'invalid_option',
    message: expect.stringMatching(reason),
  });
});
