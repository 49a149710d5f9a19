/** Slots lent and returned, options refused, statistics exact. */

import { expect, test } from 'vitest';
import {
  BufferPool,
  type ElementType,
  PoolError,
  PoolExhausted,
  type PoolOptions,
  Slab,
  slabBytesFor,
  slotStrideBytes,
} from '../../packages/pool/src/index.ts';
import { catchError, SPEC } from '../support/pools.ts';

function poolOf(options: Partial<PoolOptions<'float32'>> = {}): BufferPool<'float32'> {
  const spec = { ...SPEC, ...options };
  return BufferPool.create({ slab: Slab.allocate(slabBytesFor([spec])), ...spec });
}

test('commits initial slots at the start and the others when they are needed', () => {
  const pool = poolOf();
  expect(pool.stats()).toMatchObject({ allocations: 1, bytesCommitted: 12_288, hitRate: 1 });
  const leases = [pool.acquire('a'), pool.acquire('b'), pool.acquire('c')];
  expect(leases.map(({ slot }) => slot)).toEqual([0, 1, 2]);
  expect(pool.stats()).toEqual({
    name: 'mel',
    max: 3,
    inUse: 3,
    available: 0,
    acquires: 3,
    releases: 0,
    allocations: 3,
    hits: 1,
    misses: 2,
    hitRate: 1 / 3,
    highWaterMark: 3,
    exhaustions: 0,
    doubleReleases: 0,
    waits: { count: 0, totalMs: 0, histogram: expect.any(Array) },
    leaked: 0,
    hasLeaks: false,
    bytesCommitted: 3 * 12_288,
  });
});

test('begins slots of a page or more on pages, smaller ones on cache lines, none on another', () => {
  const small = { ...SPEC, name: 'small', shape: [3], elementType: 'int16', max: 5 } as const;
  expect(slotStrideBytes(SPEC)).toBe(12_288);
  expect(slotStrideBytes(small)).toBe(64);
  const slab = Slab.allocate(slabBytesFor([small, SPEC]));
  const [first, second] = [
    BufferPool.create({ ...small, slab }),
    BufferPool.create({ ...SPEC, slab }),
  ];
  const spans = [first, first, second, second].map((pool) => {
    const { byteOffset } = pool.acquire('x');
    return { begin: byteOffset, end: byteOffset + pool.slotBytes };
  });
  expect(spans.slice(0, 2).every(({ begin }) => begin % 64 === 0)).toBe(true);
  expect(spans.slice(2).every(({ begin }) => begin % 4096 === 0)).toBe(true);
  spans.sort((a, b) => a.begin - b.begin);
  for (const [i, { begin }] of spans.slice(1).entries()) {
    expect(begin).toBeGreaterThanOrEqual(spans[i]?.end ?? 0);
  }
});

test.each([
  ['float32', Float32Array],
  ['float16', Uint16Array],
  ['int16', Int16Array],
  ['int32', Int32Array],
  ['uint8', Uint8Array],
] as const)('shows a slot of %s over the slab', (elementType, Expected) => {
  const spec = {
    name: 'x',
    elementType: elementType as ElementType,
    shape: [2, 5],
    initial: 0,
    max: 1,
  };
  const slab = Slab.allocate(slabBytesFor([spec]));
  using lease = BufferPool.create({ ...spec, slab }).acquire('me');
  expect(lease.view).toBeInstanceOf(Expected);
  expect(lease.view.length).toBe(10);
  expect(lease.view.buffer).toBe(slab.buffer);
  expect(lease.view.byteOffset).toBe(lease.byteOffset);
});

test('lends the most recently used slot first, through the same view', () => {
  const pool = poolOf({ initial: 3 });
  const [a, b] = [pool.acquire('a'), pool.acquire('b')];
  const { view } = a;
  b.release();
  a.release();
  const again = pool.acquire('c');
  expect(again.slot).toBe(a.slot);
  expect(again.view).toBe(view);
});

test('says who holds the slots, the longest first, when all are lent', () => {
  let nowMs = 1000;
  const pool = poolOf({ max: 2, now: () => nowMs });
  pool.acquire('first').release();
  pool.acquire('old');
  nowMs += 250;
  pool.acquire('young');
  nowMs += 50;
  const error = catchError(() => pool.acquire('late'));
  expect(error).toBeInstanceOf(PoolExhausted);
  expect(error).toMatchObject({
    code: 'exhausted',
    pool: 'mel',
    max: 2,
    holders: [
      { owner: 'old', ageMs: 300 },
      { owner: 'young', ageMs: 50 },
    ],
  });
  expect(error.message).toBe('pool mel: all 2 slots are leased (old for 300 ms, young for 50 ms)');
  expect(pool.stats()).toMatchObject({ exhaustions: 1, inUse: 2, acquires: 3 });
});

test.each([
  [{ name: '' }, /name/],
  [{ elementType: 'float64' }, /elementType/],
  [{ shape: [] }, /shape/],
  [{ shape: [2, 0] }, /shape/],
  [{ shape: 5 }, /shape/],
  [{ max: 0 }, /max/],
  [{ max: 1.5 }, /max/],
  [{ initial: -1 }, /initial/],
  [{ initial: 4 }, /initial/],
  [{ size: 3 }, /no option 'size'/],
])('refuses the options %j', (wrong, reason) => {
  const slab = Slab.allocate(100_000);
  const error = catchError(() =>
    BufferPool.create({ slab, ...SPEC, ...wrong } as unknown as PoolOptions<'float32'>),
  );
  expect(error).toBeInstanceOf(PoolError);
  expect(error).toMatchObject({ code: 'invalid_option', message: expect.stringMatching(reason) });
  expect(slab.bytesReserved).toBe(0);
});
