/** Who waits for a slot gets one in turn, or is told why not, in time. */

/// <reference lib="es2024.sharedmemory" />

import { expect, onTestFinished, test, vi } from 'vitest';
import { BufferPool } from '../../packages/pool/src/index.ts';
import { poolMemoryAt, Signal } from '../../packages/pool/src/pool-memory.ts';
import { createPool } from '../support/pools.ts';

const SOON_MS = 20;

test('gives a free slot at once, without a wait', async () => {
  const pool = createPool();
  using lease = await pool.acquireAsync('me', { shape: [7] });
  expect(lease.view.length).toBe(7);
  expect(pool.stats().waits).toMatchObject({ count: 0, totalMs: 0 });
});

test('serves waiters in the order in which they came', async () => {
  const pool = createPool({ max: 1 });
  const held = pool.acquire('holder');
  const served: string[] = [];
  const waiters = ['a', 'b', 'c'].map(async (owner) => {
    using lease = await pool.acquireAsync(owner);
    served.push(lease.owner);
  });
  held.release();
  // It comes last, though the slot may be free for a moment.
  waiters.push(pool.acquireAsync('d').then((lease) => void served.push(lease.owner)));
  await Promise.all(waiters);
  expect(served).toEqual(['a', 'b', 'c', 'd']);
  expect(pool.stats()).toMatchObject({ inUse: 1, acquires: 5, exhaustions: 0 });
  expect(pool.stats().waits.count).toBe(4);
});

test('serves several waiters when several slots come back', async () => {
  const pool = createPool({ max: 2 });
  const held = [pool.acquire('x'), pool.acquire('y')];
  const waiters = [pool.acquireAsync('a'), pool.acquireAsync('b')];
  for (const lease of held) lease.release();
  const leases = await Promise.all(waiters);
  expect(leases.map(({ slot }) => slot)).toEqual([0, 1]);
});

test('gives up at the deadline', async () => {
  const startedAtMs = performance.now();
  const pool = createPool({ max: 1 });
  const held = pool.acquire('holder');
  const late = pool.acquireAsync('late', { deadlineMs: SOON_MS });
  const patient = pool.acquireAsync('patient', { deadlineMs: Number.POSITIVE_INFINITY });
  await expect(late).rejects.toMatchObject({
    code: 'deadline_exceeded',
    message: `pool mel: no slot became free in ${SOON_MS} ms`,
  });
  held.release();
  expect((await patient).owner).toBe('patient');
  const { waits } = pool.stats();
  expect(waits.count).toBe(2);
  expect(waits.totalMs).toBeGreaterThanOrEqual(2 * SOON_MS - 2);
  expect(waits.totalMs).toBeLessThanOrEqual(2 * (performance.now() - startedAtMs));
});

test('takes nobody for late who was served in time', async () => {
  const pool = createPool({ max: 1 });
  const held = pool.acquire('holder');
  const served = pool.acquireAsync('a', { deadlineMs: SOON_MS });
  held.release();
  const lease = await served;
  const patient = pool.acquireAsync('patient');
  // When this one gives up, the time of the first is over, too.
  await expect(pool.acquireAsync('late', { deadlineMs: 2 * SOON_MS })).rejects.toThrow();
  lease.release();
  expect((await patient).owner).toBe('patient');
});

test('leaves nobody waiting for releases when all were served or gave up', async () => {
  const pool = createPool({ max: 1 });
  const { buffer, byteOffset, spec } = pool.handle;
  const { signals } = poolMemoryAt(buffer, byteOffset, spec);
  const held = pool.acquire('holder');
  const waiter = pool.acquireAsync('a');
  const late = pool.acquireAsync('late', { deadlineMs: SOON_MS });
  expect(signals[Signal.waiters]).toBe(2);
  await expect(late).rejects.toThrow();
  held.release();
  (await waiter).release();
  expect(signals[Signal.waiters]).toBe(0);
  const releases = signals[Signal.releases];
  pool.acquire('b').release();
  expect(signals[Signal.releases]).toBe(releases);
});

test('gives up when it is told to, with the reason', async () => {
  const pool = createPool({ max: 1 });
  const held = pool.acquire('holder');
  const [first, second] = [new AbortController(), new AbortController()];
  const waiters = [
    pool.acquireAsync('a', { signal: first.signal }),
    pool.acquireAsync('b', { signal: second.signal }),
    pool.acquireAsync('c'),
  ];
  const reason = new Error('canceled');
  second.abort(reason);
  await expect(waiters[1]).rejects.toBe(reason);
  first.abort(reason);
  await expect(waiters[0]).rejects.toBe(reason);
  held.release();
  expect((await waiters[2])?.owner).toBe('c');
  await expect(pool.acquireAsync('d', { signal: first.signal })).rejects.toBe(reason);
  expect(pool.stats()).toMatchObject({ acquires: 2, inUse: 1 });
  expect(pool.stats().waits.count).toBe(3);
});

test('stops listening to a signal once it is served', async () => {
  const pool = createPool({ max: 1 });
  const held = pool.acquire('holder');
  const controller = new AbortController();
  const waiter = pool.acquireAsync('a', { signal: controller.signal });
  held.release();
  const lease = await waiter;
  controller.abort();
  expect(lease.view.length).toBe(2_400);
  lease.release();
  expect(pool.acquire('b').slot).toBe(0);
});

test("refuses a waiter's own shape and leaves the others and the releaser alone", async () => {
  const pool = createPool({ max: 1 });
  const held = pool.acquire('holder');
  const [a, wrong, b] = [
    pool.acquireAsync('a'),
    pool.acquireAsync('wrong', { shape: [2_401] }),
    pool.acquireAsync('b'),
  ];
  const refused = expect(wrong).rejects.toMatchObject({ code: 'too_large' });
  held.release();
  (await a).release();
  await refused;
  expect((await b).owner).toBe('b');
});

test('serves the next in line at once when the one before is refused', async () => {
  const pool = createPool({ max: 1 });
  const held = pool.acquire('holder');
  const first = pool.acquireAsync('first');
  const wrong = pool.acquireAsync('wrong', { shape: [2_401] });
  const refused = expect(wrong).rejects.toMatchObject({ code: 'too_large' });
  const next = pool.acquireAsync('next');
  held.release();
  (await first).release();
  expect(pool.tryAcquire('in between')).toBeNull();
  await refused;
  expect((await next).owner).toBe('next');
});

test('wakes for a release elsewhere', async () => {
  const pool = createPool({ max: 1 });
  const there = BufferPool.attach(pool.handle);
  const held = there.acquire('there');
  const waiters = [pool.acquireAsync('a'), pool.acquireAsync('b')];
  held.release();
  (await waiters[0])?.release();
  (await waiters[1])?.release();
  expect(pool.stats()).toMatchObject({ acquires: 3, releases: 3 });
});

test('wakes each time for a release elsewhere, and listens once for all who wait', async () => {
  const pool = createPool({ max: 1 });
  const there = BufferPool.attach(pool.handle);
  const listens = vi.spyOn(Atomics, 'waitAsync');
  onTestFinished(() => listens.mockRestore());
  for (let round = 1; round <= 3; round++) {
    const held = there.acquire('there');
    const waiters = ['a', 'b', 'c'].map((owner) => pool.acquireAsync(owner));
    if (round === 1) expect(listens).toHaveBeenCalledTimes(1);
    held.release();
    for (const waiter of waiters) (await waiter).release();
  }
});

test('misses no release that comes just before it falls asleep', async () => {
  const pool = createPool({ max: 1 });
  const there = BufferPool.attach(pool.handle);
  const held = there.acquire('there');
  const { waitAsync } = Atomics;
  const spy = vi.spyOn(Atomics, 'waitAsync').mockImplementationOnce((...args) => {
    held.release();
    return waitAsync(...(args as Parameters<typeof waitAsync>));
  });
  onTestFinished(() => spy.mockRestore());
  using lease = await pool.acquireAsync('a', { deadlineMs: 5_000 });
  expect(lease.slot).toBe(0);
  expect(spy).toHaveBeenCalledTimes(1);
});
