/** What a slot holds at first, while it is leased, and after; and the views that show it. */

import { expect, test } from 'vitest';
import { BufferPool, Slab, slabBytesFor } from '../../packages/pool/src/index.ts';
import { catchError, createPool, SPEC } from '../support/pools.ts';

test('begins empty over memory that is not', () => {
  const buffer = new SharedArrayBuffer(slabBytesFor([SPEC]));
  new Uint8Array(buffer).fill(0xff);
  const pool = BufferPool.create({ ...SPEC, slab: new Slab(buffer) });
  expect(pool.stats()).toMatchObject({ inUse: 0, acquires: 0, allocations: 1, highWaterMark: 0 });
  const slots = ['a', 'b', 'c'].map((owner) => pool.acquire(owner).slot);
  expect(slots).toEqual([0, 1, 2]);
});

test('begins with zeros where a slot was committed at the start', () => {
  const buffer = new SharedArrayBuffer(slabBytesFor([SPEC]));
  new Uint8Array(buffer).fill(0xff);
  const pool = BufferPool.create({ ...SPEC, slab: new Slab(buffer) });
  expect(pool.acquire('me').view.every((value) => value === 0)).toBe(true);
  expect(pool.acquire('me').view.every((value) => value === 0)).toBe(false);
});

test('shows a smaller shape over a slot and refuses a larger one', () => {
  const pool = createPool({ initial: 0, max: 1 });
  const lease = pool.acquire('a', [80, 10]);
  expect(lease.view.length).toBe(800);
  const { view } = lease;
  lease.release();
  const again = pool.acquire('b', [800]);
  expect(again.view).toBe(view);
  again.release();
  expect(pool.acquire('c', [30, 80]).view.length).toBe(2_400);
  const error = catchError(() => pool.acquire('d', [2_401]));
  expect(error).toMatchObject({ code: 'too_large' });
  expect(error.message).toBe('mel: [2401] does not fit into [80,30]');
  for (const shape of [[], [0], [-1], [1.5]]) {
    expect(catchError(() => pool.tryAcquire('e', shape))).toMatchObject({ code: 'invalid_option' });
  }
  expect(pool.stats()).toMatchObject({ inUse: 1, acquires: 3, exhaustions: 0 });
});

test('keeps, zeroes or poisons what was released', () => {
  for (const [onRelease, byte] of [
    ['keep', 7],
    ['zero', 0],
    ['poison', 0xdb],
  ] as const) {
    const pool = createPool({ elementType: 'uint8', shape: [100], initial: 1, onRelease });
    const { view } = fill(pool, 7);
    expect([...view]).toEqual(Array(100).fill(byte));
  }
});

test('wipes nothing of the next holder when the last one releases once more', () => {
  for (const onRelease of ['zero', 'poison'] as const) {
    const pool = createPool({ onRelease, max: 1 });
    const first = pool.acquire('first');
    first.release();
    const second = pool.acquire('second');
    second.view.fill(7);
    expect(() => first.release()).toThrow(/already released/);
    expect(second.view.every((value) => value === 7)).toBe(true);
  }
});

test('finds a write after release by the poison, and keeps that slot from everybody', () => {
  const pool = createPool({ elementType: 'uint8', shape: [10], onRelease: 'poison', max: 1 });
  const { view } = fill(pool, 7);
  fill(pool, 8);
  view[9] = 1;
  expect(catchError(() => pool.acquire('next'))).toMatchObject({
    code: 'corrupted',
    message: 'mel: slot 0 was written to after its release',
  });
  expect(pool.slots()[0]?.holder).toBe('nobody (written to after release)');
  expect(pool.tryAcquire('later')).toBeNull();
  expect(pool.stats()).toMatchObject({ acquires: 2, hits: 2, releases: 2, inUse: 1 });
});

test('keeps the views of a few lengths of each slot, not of all that were ever asked for', () => {
  const pool = createPool({ max: 1 });
  const viewOf = (length: number): Float32Array => {
    using lease = pool.acquire('me', [length]);
    return lease.view;
  };
  const whole = viewOf(2_400);
  const views = [1, 2, 3, 4].map(viewOf);
  expect([1, 2, 3, 4].map(viewOf)).toEqual(views);
  for (const [i, view] of views.entries()) expect(viewOf(i + 1)).toBe(view);
  const fifth = viewOf(5);
  expect(viewOf(5)).toBe(fifth);
  // The oldest made way for the fifth, and comes back anew.
  for (const length of [2, 3, 4]) expect(viewOf(length)).toBe(views[length - 1]);
  expect(viewOf(1)).not.toBe(views[0]);
  expect(viewOf(1).length).toBe(1);
  expect(viewOf(2_400)).toBe(whole);
});

/** Fills a slot with `value`, releases it, and shows it all the same. */
function fill(pool: BufferPool<'uint8'>, value: number): { readonly view: Uint8Array } {
  using lease = pool.acquire('filler');
  lease.view.fill(value);
  return { view: lease.view };
}
