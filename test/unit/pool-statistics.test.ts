/** What a pool says of itself is exact. */

import { expect, test } from 'vitest';
import { COUNTERS_LENGTH, Counters, MAX_THREADS } from '../../packages/pool/src/counters.ts';
import { BufferPool } from '../../packages/pool/src/index.ts';
import { poolMemoryAt, Signal } from '../../packages/pool/src/pool-memory.ts';
import { holdersOf } from '../../packages/pool/src/pool-report.ts';
import { beforeNextExchange } from '../support/interleave.ts';
import { createPool } from '../support/pools.ts';

test('counts each thing that happened', () => {
  let nowMs = 100;
  const pool = createPool({ initial: 1, max: 2, now: () => nowMs });
  const first = pool.acquire('a');
  nowMs = 110;
  const second = pool.acquire('b');
  expect(() => pool.acquire('c')).toThrow();
  expect(pool.tryAcquire('c')).toBeNull();
  first.release();
  expect(() => first.release()).toThrow();
  expect(pool.stats()).toEqual({
    name: 'mel',
    max: 2,
    inUse: 1,
    available: 1,
    acquires: 2,
    releases: 1,
    allocations: 2,
    hits: 1,
    misses: 1,
    hitRate: 0.5,
    highWaterMark: 2,
    exhaustions: 1,
    doubleReleases: 1,
    waits: {
      count: 0,
      totalMs: 0,
      histogram: [1, 5, 10, 50, 100, 500, 1_000, 5_000, 30_000, Infinity].map((upToMs) => ({
        upToMs,
        count: 0,
      })),
    },
    leaked: 0,
    hasLeaks: false,
    bytesCommitted: 2 * 12_288,
  });
  second.release();
  expect(pool.stats()).toMatchObject({ inUse: 0, available: 2, releases: 2, highWaterMark: 2 });
});

test('tells of each committed slot', () => {
  let nowMs = 100;
  const pool = createPool({ initial: 2, now: () => nowMs });
  nowMs = 200;
  pool.acquire('a').release();
  nowMs = 300;
  const leases = ['b', 'c', 'd'].map((owner) => pool.acquire(owner));
  leases[1]?.release();
  expect(pool.slots()).toEqual([
    { slot: 0, createdAtMs: 100, acquiredAtMs: 300, uses: 2, holder: 'b' },
    { slot: 1, createdAtMs: 100, acquiredAtMs: 300, uses: 1, holder: null },
    { slot: 2, createdAtMs: 300, acquiredAtMs: 300, uses: 1, holder: 'd' },
  ]);
  expect(createPool().slots()[0]).toMatchObject({ acquiredAtMs: null, uses: 0, holder: null });
});

test('marks the most slots that were leased at once, not the last number', () => {
  const pool = createPool();
  expect(pool.stats().highWaterMark).toBe(0);
  const leases = [pool.acquire('a'), pool.acquire('b')];
  expect(pool.stats().highWaterMark).toBe(2);
  for (const lease of leases) lease.release();
  pool.acquire('c');
  expect(pool.stats().highWaterMark).toBe(2);
});

test('lets a higher mark of another thread stand', () => {
  const pool = createPool();
  const there = BufferPool.attach(pool.handle);
  // The first two take the slot from the list and lease it; the third would note the mark.
  beforeNextExchange(() => there.acquire('there'), 3);
  pool.acquire('here');
  expect(pool.stats()).toMatchObject({ inUse: 2, highWaterMark: 2 });
});

test('notes a mark that is higher than the one that another thread noted meanwhile', () => {
  const pool = createPool({ max: 4 });
  const { buffer, byteOffset, spec } = pool.handle;
  const { signals } = poolMemoryAt(buffer, byteOffset, spec);
  pool.acquire('first');
  // As if the first had not come to note its own yet: it does while the second notes that of two.
  signals[Signal.lowWater] = 4;
  beforeNextExchange(() => Atomics.store(signals, Signal.lowWater, 3), 3);
  pool.acquire('second');
  expect(pool.stats().highWaterMark).toBe(2);
});

test('names holders, the longest first, and nobody where a slot has just come back', () => {
  const slot = { slot: 0, createdAtMs: 0, uses: 1 };
  const holders = holdersOf(
    [
      { ...slot, acquiredAtMs: 90, holder: 'young' },
      { ...slot, acquiredAtMs: 50, holder: null },
      { ...slot, acquiredAtMs: 10, holder: 'old' },
    ],
    100,
  );
  expect(holders).toEqual([
    { owner: 'old', ageMs: 90 },
    { owner: 'young', ageMs: 10 },
  ]);
});

test('sorts waits into buckets by their upper bounds', () => {
  const counters = new Counters(new Float64Array(COUNTERS_LENGTH), new Int32Array(MAX_THREADS));
  for (const ms of [0, 1, 1.1, 5, 30_000, 30_001, 99_999]) counters.addWait(ms);
  expect(counters.waitCounts()).toEqual([2, 2, 0, 0, 0, 0, 0, 0, 1, 2]);
  expect(counters.sum('waits')).toBe(7);
  expect(counters.sum('waitedMs')).toBeCloseTo(160_007.1);
});

test('adds up what threads counted in rows of their own', () => {
  const [all, rows] = [new Float64Array(COUNTERS_LENGTH), new Int32Array(MAX_THREADS)];
  const [a, b] = [new Counters(all, rows), new Counters(all, rows)];
  a.add('acquires', 3);
  b.add('acquires');
  b.add('hits');
  expect([a.sum('acquires'), b.sum('acquires'), a.sum('hits'), a.sum('misses')]).toEqual([
    4, 4, 1, 0,
  ]);
});

test('lets the next thread count on in the row of one that left', () => {
  const [all, rows] = [new Float64Array(COUNTERS_LENGTH), new Int32Array(MAX_THREADS)];
  const crowd = Array.from({ length: MAX_THREADS }, () => new Counters(all, rows));
  for (const counters of crowd) counters.add('acquires');
  expect(() => new Counters(all, rows)).toThrow(/at most 64 threads/);
  const [, second] = crowd;
  second?.leave();
  second?.add('acquires', 1_000);
  const next = new Counters(all, rows);
  next.add('acquires', 2);
  next.addWait(3);
  expect(next.sum('acquires')).toBe(MAX_THREADS + 2);
  expect(crowd[0]?.sum('waits')).toBe(1);
  expect(() => new Counters(all, rows)).toThrow(/at most 64 threads/);
});
