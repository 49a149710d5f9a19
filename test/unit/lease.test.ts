/** A lease is released once, and nothing can be done with it after. */

import { expect, test } from 'vitest';
import { BufferPool, Slab } from '../../packages/pool/src/index.ts';

function pool(): BufferPool<'int32'> {
  const slab = Slab.allocate(131_072);
  return BufferPool.create({
    slab,
    name: 'p',
    elementType: 'int32',
    shape: [8],
    initial: 0,
    max: 2,
  });
}

test('is given back at the end of its block', () => {
  const slots = pool();
  {
    using lease = slots.acquire('job');
    expect(lease.owner).toBe('job');
    expect(slots.stats().inUse).toBe(1);
  }
  expect(slots.stats()).toMatchObject({ inUse: 0, releases: 1, available: 2 });
});

test('refuses a second release, counts it, and leaves the next holder alone', () => {
  const slots = pool();
  const first = slots.acquire('first');
  first.release();
  const second = slots.acquire('second');
  expect(second.slot).toBe(first.slot);
  const refused = expect.objectContaining({ code: 'already_released' });
  expect(() => first.release()).toThrow(refused);
  expect(() => first[Symbol.dispose]()).toThrow(refused);
  expect(slots.stats()).toMatchObject({ inUse: 1, releases: 1, doubleReleases: 2 });
  second.view.fill(7);
  expect(slots.acquire('third').slot).not.toBe(second.slot);
});

test('shows no memory after release', () => {
  const lease = pool().acquire('job');
  lease.release();
  expect(() => lease.view).toThrow(expect.objectContaining({ code: 'lease_over' }));
});
