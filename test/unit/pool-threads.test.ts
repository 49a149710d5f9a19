/** Many threads over one pool: no slot is held twice, and every count is exact. */

import { expect, test } from 'vitest';
import { BufferPool } from '../../packages/pool/src/index.ts';
import { openManager } from '../support/pool-managers.ts';
import { PoolThreads, type ThreadTask } from '../support/pool-threads.ts';
import { catchError, createPool } from '../support/pools.ts';

const N_THREADS = 20;
const N_OPERATIONS = 2_000_000;
const BYTES = { elementType: 'uint8', shape: [256], initial: 2 } as const;
/** Large enough to be given back. */
const PAGES = { ...BYTES, shape: [4_096] } as const;

const threads = (n: number, task: ThreadTask): ThreadTask[] =>
  Array.from({ length: n }, () => task);

/** For threads that share few cores with others. */
const timeout = 120_000;

test('20 threads lend and return 2,000,000 times, and none touches what another holds', {
  timeout,
}, async () => {
  await using crowd = new PoolThreads();
  const pool = createPool({ ...BYTES, max: 8 });
  const nCycles = N_OPERATIONS / N_THREADS;
  await crowd.start(pool.handle, threads(N_THREADS, { task: 'cycles', nCycles }));
  const results = await crowd.open();
  expect(results.map(({ cycles }) => cycles)).toEqual(Array(N_THREADS).fill(nCycles));
  const stats = pool.stats();
  expect(stats).toMatchObject({ inUse: 0, doubleReleases: 0, leaked: 0, available: 8 });
  expect(stats.acquires).toBe(N_OPERATIONS);
  expect(stats.releases).toBe(N_OPERATIONS);
  expect(stats.misses).toBe(stats.allocations - 2);
  expect(stats.hits + stats.misses).toBe(N_OPERATIONS);
  expect(pool.slots().reduce((sum, { uses }) => sum + uses, 0)).toBe(N_OPERATIONS);
  expect(drain(pool)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

test('threads use several pools of one slab, and none touches what is in another', async () => {
  await using crowd = new PoolThreads();
  await using others = new PoolThreads();
  const manager = openManager({
    pools: { bytes: { ...BYTES, max: 3 }, pages: { ...PAGES, max: 3 } },
  });
  const nCycles = 5_000;
  const cycles = { task: 'cycles', nCycles } as const;
  await crowd.start(manager.pool('bytes').handle, threads(5, cycles));
  await others.start(manager.pool('pages').handle, threads(5, cycles));
  await Promise.all([crowd.open(), others.open()]);
  const exact = { acquires: 5 * nCycles, releases: 5 * nCycles, inUse: 0, doubleReleases: 0 };
  expect(manager.stats()).toMatchObject([exact, exact]);
});

test('threads that give memory back never take a slot that is held', async () => {
  await using crowd = new PoolThreads();
  const pool = createPool({ ...PAGES, max: 4 });
  const nCycles = 40_000;
  await crowd.start(pool.handle, [
    ...threads(6, { task: 'cycles', nCycles }),
    ...threads(2, { task: 'janitor' }),
  ]);
  const results = crowd.nextOfEach();
  void crowd.open();
  await Promise.all(results.slice(0, 6));
  crowd.close();
  const rounds = (await Promise.all(results)).slice(6).map((result) => result.rounds);
  expect(Math.min(...rounds)).toBeGreaterThan(0);
  const stats = pool.stats();
  expect(stats).toMatchObject({ inUse: 0, acquires: 6 * nCycles, releases: 6 * nCycles });
  expect(stats.misses).toBeGreaterThan(4);
  expect(drain(pool)).toEqual([0, 1, 2, 3]);
});

test('threads that wait are all served, whichever thread releases', async () => {
  await using crowd = new PoolThreads();
  const pool = createPool({ ...BYTES, max: 2 });
  const nCycles = 500;
  await crowd.start(pool.handle, threads(6, { task: 'waits', nCycles }));
  await crowd.open();
  const stats = pool.stats();
  expect(stats).toMatchObject({ inUse: 0, acquires: 6 * nCycles, releases: 6 * nCycles });
  expect(stats.waits.count).toBeGreaterThan(0);
  expect(stats.waits.histogram.reduce((sum, { count }) => sum + count, 0)).toBe(stats.waits.count);
});

test('exhausted by many threads at once, gives each slot to one and refuses the rest', async () => {
  await using crowd = new PoolThreads();
  const pool = createPool({ ...BYTES, max: 25 });
  await crowd.start(pool.handle, threads(10, { task: 'hoard', nSlots: 4 }));
  await crowd.open();
  expect(pool.stats()).toMatchObject({ inUse: 25, available: 0, highWaterMark: 25 });
  expect(catchError(() => pool.acquire('late'))).toMatchObject({
    code: 'exhausted',
    holders: Array(25).fill(expect.objectContaining({ owner: 'another thread' })),
  });
  const waiter = pool.acquireAsync('patient', { deadlineMs: 20_000 });
  const ends = crowd.next();
  crowd.close();
  const results = await ends;
  const slots = results.flatMap((result) => result.slots).sort((a, b) => a - b);
  expect(slots).toEqual(Array.from({ length: 25 }, (_, slot) => slot));
  expect(results.reduce((sum, { refused }) => sum + refused, 0)).toBe(15);
  (await waiter).release();
  expect(pool.stats()).toMatchObject({ inUse: 0, exhaustions: 16, releases: 26, acquires: 26 });
});

test('an acquire waits for a thread that is giving this very slot back', async () => {
  await using crowd = new PoolThreads();
  const pool = createPool({ ...PAGES, initial: 1, max: 1 });
  await crowd.start(pool.handle, threads(1, { task: 'reclaim' }));
  const done = crowd.open();
  expect(Atomics.wait(crowd.gate, 1, 0, 20_000)).not.toBe('timed-out');
  const lease = pool.acquire('me');
  expect(Atomics.load(crowd.gate, 2)).toBe(1);
  expect(pool.stats()).toMatchObject({ misses: 1, hits: 0, inUse: 1 });
  lease.release();
  await done;
  expect(pool.stats()).toMatchObject({ allocations: 1, inUse: 0 });
});

test('serves 64 threads at once, and others when they leave', () => {
  const pool = createPool(BYTES);
  const crowd = Array.from({ length: 63 }, () => BufferPool.attach(pool.handle));
  expect(catchError(() => BufferPool.attach(pool.handle))).toMatchObject({
    code: 'too_many_threads',
  });
  for (const left of crowd) left.detach();
  for (let i = 0; i < 200; i++) {
    using visitor = BufferPool.attach(pool.handle);
    visitor.acquire(`visitor ${i}`).release();
  }
  expect(pool.stats()).toMatchObject({ acquires: 200, releases: 200, inUse: 0 });
});

test('threads come and go, and what they counted stays', async () => {
  const pool = createPool({ ...BYTES, max: 8 });
  const nCycles = 500;
  for (let round = 0; round < 3; round++) {
    await using crowd = new PoolThreads();
    await crowd.start(pool.handle, threads(3, { task: 'cycles', nCycles, detaches: true }));
    await crowd.open();
  }
  const cycles = 3 * 3 * nCycles;
  expect(pool.stats()).toMatchObject({ acquires: cycles, releases: cycles, inUse: 0 });
});

test('closed by one thread, turns those away who wait or ask in another', async () => {
  await using crowd = new PoolThreads();
  const pool = createPool({ ...BYTES, max: 2 });
  const leases = [pool.acquire('a'), pool.acquire('b')];
  await crowd.start(pool.handle, threads(2, { task: 'turnedAway' }));
  await crowd.open();
  const ends = crowd.next();
  pool.close();
  const results = await ends;
  expect(results.map(({ refusals }) => refusals)).toEqual(
    Array(2).fill(['shut_down', 'shut_down']),
  );
  for (const lease of leases) lease.release();
  expect(pool.stats()).toMatchObject({ inUse: 0, acquires: 2, releases: 2 });
});

/** All slots that can be acquired, sorted. */
function drain(pool: BufferPool<'uint8'>): number[] {
  const slots: number[] = [];
  for (let lease = pool.tryAcquire('all'); lease !== null; lease = pool.tryAcquire('all')) {
    slots.push(lease.slot);
  }
  return slots.sort((a, b) => a - b);
}
