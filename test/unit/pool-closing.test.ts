/** A closed pool lends nothing more to anybody; a thread that leaves makes room for another. */

import { expect, test } from 'vitest';
import { BufferPool } from '../../packages/pool/src/index.ts';
import { beforeNextExchange } from '../support/interleave.ts';
import { catchError, createPool } from '../support/pools.ts';

const SHUT_DOWN = expect.objectContaining({ code: 'shut_down' });
const STILL_LEASED = expect.objectContaining({ code: 'still_leased' });

test('lends nothing once it is closed, wherever it is attached', async () => {
  const pool = createPool();
  const other = BufferPool.attach(pool.handle);
  const lease = other.acquire('early');
  pool.close();
  for (const closed of [pool, other, BufferPool.attach(pool.handle)]) {
    expect(() => closed.acquire('late')).toThrow(SHUT_DOWN);
    expect(() => closed.tryAcquire('late')).toThrow(SHUT_DOWN);
    await expect(closed.acquireAsync('late')).rejects.toEqual(SHUT_DOWN);
  }
  expect(catchError(() => pool.acquire('late')).message).toBe(
    'pool mel lends nothing more: it has been shut down',
  );
  expect(lease.view.length).toBe(2_400);
  lease.release();
  expect(pool.stats()).toMatchObject({ acquires: 1, releases: 1, inUse: 0, exhaustions: 0 });
});

test('lends nothing to one who was just asking when it was closed', () => {
  // The first takes the slot from the list, the second leases it.
  for (const nth of [1, 2]) {
    const pool = createPool();
    const other = BufferPool.attach(pool.handle);
    beforeNextExchange(() => other.close(), nth);
    expect(() => pool.acquire('late')).toThrow(SHUT_DOWN);
    expect(pool.stats()).toMatchObject({ inUse: 0, acquires: 1, releases: 1 });
  }
});

test('stays closed, however often it is closed or cleared', () => {
  const pool = createPool();
  for (let i = 0; i < 3; i++) {
    pool.close();
    pool.clear();
    expect(() => pool.tryAcquire('late')).toThrow(SHUT_DOWN);
  }
  expect(pool.stats().allocations).toBe(0);
});

test('is open however often it was cleared', () => {
  const pool = createPool();
  for (let i = 0; i < 3; i++) {
    pool.clear();
    pool.acquire('me').release();
  }
  expect(pool.stats().acquires).toBe(3);
});

test('turns away who waits when it is closed, here and elsewhere', async () => {
  const pool = createPool({ max: 1 });
  const other = BufferPool.attach(pool.handle);
  pool.acquire('holder');
  const waiters = [pool.acquireAsync('a'), pool.acquireAsync('b'), other.acquireAsync('c')];
  pool.close();
  const ends = await Promise.allSettled(waiters);
  expect(ends).toEqual(Array(3).fill({ status: 'rejected', reason: SHUT_DOWN }));
  expect(pool.stats()).toMatchObject({ inUse: 1, waits: { count: 3 } });
});

test('lends nothing to a thread that left, and goes on for the others', async () => {
  const pool = createPool();
  const other = BufferPool.attach(pool.handle);
  other.acquire('there').release();
  other.detach();
  expect(() => other.acquire('late')).toThrow(SHUT_DOWN);
  await expect(other.acquireAsync('late')).rejects.toEqual(SHUT_DOWN);
  expect(catchError(() => other.tryAcquire('late')).message).toBe(
    'pool mel lends nothing more: this thread has left it',
  );
  pool.acquire('here').release();
  expect(other.stats()).toMatchObject({ acquires: 2, releases: 2 });
});

test('keeps a thread that holds or awaits a slot', async () => {
  const pool = createPool({ max: 1 });
  const other = BufferPool.attach(pool.handle);
  const lease = other.acquire('there');
  expect(() => other.detach()).toThrow(STILL_LEASED);
  const waiter = other.acquireAsync('patient');
  lease.release();
  const second = await waiter;
  expect(() => other.detach()).toThrow(STILL_LEASED);
  second.release();
  const held = pool.acquire('here');
  const third = other.acquireAsync('waiting');
  expect(() => other.detach()).toThrow(STILL_LEASED);
  held.release();
  (await third).release();
  other.detach();
  expect(pool.stats()).toMatchObject({ acquires: 4, releases: 4, waits: { count: 2 } });
});

test('counts nothing of a thread that left twice, or releases twice after it left', () => {
  const pool = createPool();
  const left = BufferPool.attach(pool.handle);
  const lease = left.acquire('there');
  lease.release();
  left.detach();
  const next = BufferPool.attach(pool.handle);
  // Its place is the next one's now, and stays so: there are 62 others.
  left.detach();
  for (let i = 0; i < 62; i++) BufferPool.attach(pool.handle);
  expect(() => BufferPool.attach(pool.handle)).toThrow(/at most 64 threads/);
  expect(() => lease.release()).toThrow(/already released/);
  next.acquire('next').release();
  expect(pool.stats()).toMatchObject({ acquires: 2, releases: 2, doubleReleases: 0 });
});

test('is left at the end of a block', () => {
  const pool = createPool();
  let visitor: BufferPool<'float32'> | undefined;
  {
    using attached = BufferPool.attach(pool.handle);
    using _lease = attached.acquire('visitor');
    visitor = attached;
  }
  expect(() => visitor?.acquire('late')).toThrow(SHUT_DOWN);
  expect(pool.stats()).toMatchObject({ acquires: 1, inUse: 0 });
});
