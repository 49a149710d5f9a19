/** Leases that are never released are found: lost ones with tracing, old ones by their age. */

import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { BufferPool, type Leak } from '../../packages/pool/src/index.ts';
import { createPool } from '../support/pools.ts';

const DEADLINE_MS = 10_000;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Until `isSo`, or the deadline. */
async function collectUntil(isSo: () => boolean): Promise<void> {
  const endsAtMs = performance.now() + DEADLINE_MS;
  while (!isSo() && performance.now() < endsAtMs) {
    collectGarbage();
    await setImmediate();
  }
}

test('is not leaking because it is busy', () => {
  const leaks: Leak[] = [];
  const pool = createPool({ max: 1, onLeak: (leak) => leaks.push(leak) });
  pool.acquire('busy');
  pool.reportLeaks();
  expect(pool.stats()).toMatchObject({ inUse: 1, leaked: 0, hasLeaks: false });
  expect(leaks).toEqual([]);
});

test('counts a lease as leaked while it is older than it may be', () => {
  let nowMs = 1_000;
  const pool = createPool({ maxLeaseMs: 50, now: () => nowMs });
  const lease = pool.acquire('slow');
  nowMs += 50;
  pool.acquire('quick');
  expect(pool.stats().hasLeaks).toBe(false);
  nowMs += 1;
  expect(pool.stats()).toMatchObject({ leaked: 1, hasLeaks: true });
  lease.release();
  nowMs += 1;
  expect(pool.stats()).toMatchObject({ leaked: 0, hasLeaks: false });
});

test('tells of each lease that is too old, once', () => {
  let nowMs = 1_000;
  const leaks: Leak[] = [];
  const onLeak = (leak: Leak): void => void leaks.push(leak);
  const pool = createPool({ maxLeaseMs: 50, now: () => nowMs, onLeak, traceLeaks: true });
  const slow = pool.acquire('slow');
  nowMs += 1;
  const slower = pool.acquire('slower');
  nowMs += 50;
  pool.reportLeaks();
  expect(leaks).toEqual([
    { pool: 'mel', slot: 0, owner: 'slow', ageMs: 51, stack: expect.stringContaining('slow') },
  ]);
  nowMs += 1;
  pool.reportLeaks();
  expect(leaks.map(({ owner }) => owner)).toEqual(['slow', 'slower']);
  nowMs += 1;
  pool.reportLeaks();
  expect(leaks).toHaveLength(2);
  slow.release();
  slower.release();
  pool.acquire('again').release();
  pool.acquire('slow again');
  nowMs += 51;
  pool.reportLeaks();
  pool.reportLeaks();
  expect(leaks.map(({ owner }) => owner)).toEqual(['slow', 'slower', 'slow again']);
});

test('tells of a lease in one thread, whichever looks first', () => {
  let nowMs = 0;
  const leaks: Leak[] = [];
  const options = { now: () => nowMs, onLeak: (leak: Leak): void => void leaks.push(leak) };
  const pool = createPool({ ...options, maxLeaseMs: 50 });
  const other = BufferPool.attach(pool.handle, options);
  other.acquire('there');
  nowMs = 51;
  pool.reportLeaks();
  other.reportLeaks();
  expect(leaks).toEqual([
    { pool: 'mel', slot: 0, owner: 'another thread', ageMs: 51, stack: null },
  ]);
});

test('warns of a leak where nobody else is to be told', async () => {
  let nowMs = 0;
  const pool = createPool({ maxLeaseMs: 50, now: () => nowMs });
  pool.acquire('slow');
  nowMs = 51.4;
  const warning = once(process, 'warning');
  pool.reportLeaks();
  const [said] = (await warning) as [Error & { detail: string }];
  expect(said).toMatchObject({
    name: 'PoolLeakWarning',
    message: 'pool mel: slow has held slot 0 for 51 ms',
    detail: '',
  });
});

test('says where a slot was acquired, while it is leased and traced', () => {
  const pool = createPool({ traceLeaks: true });
  const lease = pool.acquire('me');
  expect(pool.stackOf(lease.slot)).toContain('acquired by me');
  expect(pool.stackOf(lease.slot)).toContain('pool-leaks.test');
  expect(pool.stackOf(lease.slot + 1)).toBeNull();
  lease.release();
  expect(pool.stackOf(lease.slot)).toBeNull();
  const untraced = createPool();
  expect(untraced.stackOf(untraced.acquire('me').slot)).toBeNull();
});

test('finds a lease that was collected without a release, and says who took it where', async () => {
  let nowMs = 0;
  const pool = createPool({ traceLeaks: true, maxLeaseMs: 10, now: () => nowMs });
  const warning = once(process, 'warning');
  (function forget() {
    pool.acquire('careful').release();
    pool.acquire('forgetful', [3]);
  })();
  await collectUntil(() => pool.stats().hasLeaks);
  expect(pool.stats()).toMatchObject({ leaked: 1, hasLeaks: true, inUse: 1 });
  expect(pool.slots()[0]?.holder).toBe('forgetful (lost)');
  const [said] = (await warning) as [Error & { detail: string }];
  expect(said.message).toBe('pool mel: forgetful (lost) has held slot 0 for 0 ms');
  expect(said.detail).toContain('forget');
  // Old and lost is one leak, not two.
  nowMs = 1_000;
  expect(pool.stats().leaked).toBe(1);
});

test('tells of a lost lease once, also when it grows old', async () => {
  let nowMs = 0;
  const leaks: Leak[] = [];
  const onLeak = (leak: Leak): void => void leaks.push(leak);
  const pool = createPool({ traceLeaks: true, maxLeaseMs: 10, now: () => nowMs, onLeak });
  (function forget() {
    pool.acquire('forgetful');
  })();
  await collectUntil(() => leaks.length > 0);
  nowMs = 1_000;
  pool.reportLeaks();
  expect(leaks).toMatchObject([{ pool: 'mel', slot: 0, owner: 'forgetful (lost)', ageMs: 0 }]);
  expect(leaks[0]?.stack).toContain('forget');
});
