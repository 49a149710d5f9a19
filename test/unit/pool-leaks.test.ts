/** Leases that are never released are found: lost ones with tracing, old ones by their age. */

import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { createPool } from '../support/pools.ts';

const DEADLINE_MS = 10_000;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

test('is not leaking because it is busy', () => {
  const pool = createPool({ max: 1 });
  pool.acquire('busy');
  expect(pool.stats()).toMatchObject({ inUse: 1, leaked: 0, hasLeaks: false });
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
  const endsAtMs = performance.now() + DEADLINE_MS;
  while (!pool.stats().hasLeaks && performance.now() < endsAtMs) {
    collectGarbage();
    await setImmediate();
  }
  expect(pool.stats()).toMatchObject({ leaked: 1, hasLeaks: true, inUse: 1 });
  expect(pool.slots()[0]?.holder).toBe('forgetful (lost)');
  const [said] = (await warning) as [Error & { detail: string }];
  expect(said.message).toBe('pool mel: forgetful lost slot 0');
  expect(said.detail).toContain('forget');
  // Old and lost is one leak, not two.
  nowMs = 1_000;
  expect(pool.stats().leaked).toBe(1);
});
