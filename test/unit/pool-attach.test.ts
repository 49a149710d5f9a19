/** A pool is one and the same wherever it is attached. */

import { expect, onTestFinished, test, vi } from 'vitest';
import { BufferPool } from '../../packages/pool/src/index.ts';
import { catchError, createPool } from '../support/pools.ts';

test('is the same pool where it is attached once more', () => {
  const pool = createPool({ onRelease: 'zero' });
  const other = BufferPool.attach(structuredClone(pool.handle));
  const lease = other.acquire('there');
  expect(pool.slots()[0]?.holder).toBe('another thread');
  expect(other.slots()[0]?.holder).toBe('there');
  lease.view.fill(3);
  lease.release();
  expect(pool.acquire('here').view[0]).toBe(0);
  for (const wrong of [{ name: '' }, { max: 0 }]) {
    const spec = { ...pool.handle.spec, ...wrong };
    expect(catchError(() => BufferPool.attach({ ...pool.handle, spec }))).toMatchObject({
      code: 'invalid_option',
    });
  }
});

test('has the same rules wherever it is attached, and no others can be given there', () => {
  let nowMs = 0;
  const now = (): number => nowMs;
  const pool = createPool({ initial: 1, max: 1, onRelease: 'poison', maxLeaseMs: 10, now });
  const other = BufferPool.attach(structuredClone(pool.handle), { now });
  // Whoever finds no poison takes the slot for corrupted.
  for (const lender of [other, pool, other, pool]) {
    using lease = lender.acquire('me');
    lease.view.fill(1);
  }
  pool.acquire('slow');
  nowMs = 11;
  expect(other.stats().leaked).toBe(1);
  for (const wrong of [{ onRelease: 'zero' }, { maxLeaseMs: 5 }]) {
    expect(catchError(() => BufferPool.attach(pool.handle, wrong as object))).toMatchObject({
      code: 'invalid_option',
      message: expect.stringMatching(/no option '(onRelease|maxLeaseMs)'/),
    });
  }
  const surplus = { spec: { ...pool.handle.spec, size: 3 }, rules: { size: 3 } };
  for (const wrong of [
    { rules: { onRelease: 'burn' } as object },
    { spec: surplus.spec },
    { rules: surplus.rules },
  ]) {
    expect(catchError(() => BufferPool.attach({ ...pool.handle, ...wrong }))).toMatchObject({
      code: 'invalid_option',
    });
  }
});

test('tells the time as the thread that created it, whenever its own clock began', () => {
  const pool = createPool({ initial: 0, max: 2 });
  // A thread that was started later, and counts from its own start.
  const { timeOrigin } = performance;
  const now = performance.now.bind(performance);
  const laterMs = 100_000;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() - laterMs);
  const origin = vi.spyOn(performance, 'timeOrigin', 'get').mockReturnValue(timeOrigin + laterMs);
  onTestFinished(() => {
    vi.restoreAllMocks();
  });
  const other = BufferPool.attach(structuredClone(pool.handle));
  other.acquire('there');
  clock.mockRestore();
  origin.mockRestore();
  const [slot] = pool.slots();
  expect(slot?.acquiredAtMs).toBeGreaterThan(0);
  expect(slot?.acquiredAtMs).toBeLessThanOrEqual(performance.now());
});
