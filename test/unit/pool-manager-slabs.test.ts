/** A manager has its slabs for itself, all of them or none. */

import { expect, onTestFinished, test, vi } from 'vitest';
import { BufferManager, poolBytes, Slab } from '../../packages/pool/src/index.ts';
import { openManager as open, MANAGED_POOLS as POOLS } from '../support/pool-managers.ts';
import { catchError } from '../support/pools.ts';

test('is the only one over a slab', () => {
  const slab = Slab.allocate(20_000_000);
  open({ pools: { mel: POOLS.mel } }, { main: slab });
  expect(catchError(() => open({ pools: { mel: POOLS.mel } }, { main: slab }))).toMatchObject({
    code: 'invalid_option',
    message: 'another manager has this slab',
  });
  const sameMemory = new Slab(slab.buffer);
  expect(catchError(() => sameMemory.claim())).toMatchObject({ code: 'invalid_option' });
});

test('takes nothing when it is refused in the middle of its start', () => {
  const { mel, tokens } = POOLS;
  const main = Slab.allocate(20_000_000);
  const taken = Slab.allocate(1_000_000).claim();
  const tooSmall = Slab.allocate(1);
  tooSmall.reserve(1);
  const timers = vi.spyOn(globalThis, 'setInterval');
  onTestFinished(() => timers.mockRestore());
  for (const [small, code] of [
    [taken, 'invalid_option'],
    [tooSmall, 'slab_full'],
  ] as const) {
    const pools = { mel, tokens: { ...tokens, shape: [20_000] } };
    expect(catchError(() => new BufferManager({ pools }, { main, small }))).toMatchObject({ code });
    expect(main.bytesReserved).toBe(0);
  }
  expect(timers).not.toHaveBeenCalled();
  // The slab that was claimed already is free for another; the one of another stays its own.
  open({ pools: { mel } }, { main });
  expect(catchError(() => taken.claim())).toMatchObject({ code: 'invalid_option' });
  expect(tooSmall.claim()).toBe(tooSmall);
});

test('fits into a slab of exactly its size, behind what others reserved', () => {
  const bytes = poolBytes({ name: 'mel', ...POOLS.mel });
  const config = { pools: { mel: POOLS.mel }, extraBytes: { main: 100 } };
  const slabOf = (total: number): Slab => {
    const slab = new Slab(new SharedArrayBuffer(total));
    slab.reserve(64);
    return slab;
  };
  const size = 4_096 + bytes + 100;
  expect(catchError(() => open(config, { main: slabOf(size - 1) }))).toMatchObject({
    code: 'slab_full',
    message: `main: ${bytes + 100} bytes do not fit into ${bytes + 99}`,
  });
  const slab = slabOf(size);
  open(config, { main: slab });
  expect(slab.bytesTotal - slab.bytesReserved).toBe(100);
});

test('refuses a slab that nothing lies in, and takes none of the others', () => {
  const [main, mane] = [Slab.allocate(20_000_000), Slab.allocate(1)];
  const pools = { mel: POOLS.mel };
  expect(catchError(() => open({ pools }, { main, mane }))).toMatchObject({
    code: 'invalid_option',
    message: 'nothing lies in a slab mane',
  });
  open({ pools }, { main });
});
