/** A manager looks after its pools while it lives, and closes them at its end. */

import { expect, onTestFinished, test, vi } from 'vitest';
import type { Leak } from '../../packages/pool/src/index.ts';
import { openManager as open, MANAGED_POOLS as POOLS } from '../support/pool-managers.ts';
import { catchError } from '../support/pools.ts';

const DEADLINE_MS = 10_000;

test('waits for leases at its shutdown, then reports and frees', async () => {
  const manager = open({ pools: POOLS });
  const mel = manager.pool('mel');
  const lease = mel.acquire('slow');
  const { signal } = new AbortController();
  const end = manager.shutdown({ deadlineMs: Number.POSITIVE_INFINITY, signal });
  expect(catchError(() => manager.pool('mel'))).toMatchObject({ code: 'shut_down' });
  expect(catchError(() => manager.acquireAll('late', ['mel']))).toMatchObject({
    code: 'shut_down',
  });
  lease.release();
  expect(catchError(() => mel.acquire('late'))).toMatchObject({ code: 'shut_down' });
  const { stats, leaks } = await end;
  expect(leaks).toEqual([]);
  expect(stats).toMatchObject([{}, { name: 'mel', acquires: 1, releases: 1, inUse: 0 }, {}]);
  expect(manager.stats().map(({ allocations }) => allocations)).toEqual([0, 0, 0]);
});

test('names at its shutdown what was not released in time, and rejects who waits', async () => {
  const manager = open({ pools: POOLS });
  const tokens = manager.pool('tokens');
  const lease = tokens.acquire('lost');
  const waiter = tokens.acquireAsync('waiter');
  const rejected = expect(waiter).rejects.toMatchObject({ code: 'shut_down' });
  const { stats, leaks } = await manager.shutdown({ deadlineMs: 20 });
  await rejected;
  expect(leaks).toEqual([{ pool: 'tokens', slot: 0, holder: 'lost' }]);
  expect(stats[2]).toMatchObject({ name: 'tokens', inUse: 1, allocations: 1 });
  lease.release();
  expect(tokens.stats()).toMatchObject({ inUse: 0, allocations: 0 });
});

test('waits no longer at its shutdown than it is told to', async () => {
  const manager = open({ pools: POOLS });
  const lease = manager.pool('mel').acquire('slow');
  const controller = new AbortController();
  const end = manager.shutdown({ deadlineMs: DEADLINE_MS, signal: controller.signal });
  controller.abort();
  expect((await end).leaks).toEqual([{ pool: 'mel', slot: 0, holder: 'slow' }]);
  lease.release();
});

test('gives back what is idle, when it is told to', async () => {
  const pools = { mel: { ...POOLS.mel, max: 4 } };
  const keeping = open({ pools, watchMs: 1, tickMs: 1 });
  const giving = open({ pools, watchMs: 1, tickMs: 1, idleMs: 10 });
  for (const manager of [keeping, giving]) {
    const leases = Array.from({ length: 4 }, () => manager.pool('mel').acquire('me'));
    for (const lease of leases) lease.release();
    expect(manager.pool('mel').stats().allocations).toBe(4);
  }
  const endsAtMs = performance.now() + DEADLINE_MS;
  while (giving.pool('mel').stats().allocations > 1 && performance.now() < endsAtMs) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  expect(giving.pool('mel').stats().allocations).toBe(1);
  expect(keeping.pool('mel').stats().allocations).toBe(4);
});

test('looks for leaks as often as it is told to, and tells of each once', async () => {
  const leaks: Leak[] = [];
  const pools = { mel: { ...POOLS.mel, maxLeaseMs: 5 }, audio: POOLS.audio };
  const manager = open({
    pools,
    watchMs: 1,
    tickMs: 1,
    onLeak: (leak) => leaks.push(leak),
  });
  manager.pool('audio').acquire('may be slow');
  manager.pool('mel').acquire('slow');
  await vi.waitFor(() => expect(leaks).toHaveLength(1), { timeout: DEADLINE_MS, interval: 1 });
  manager.pool('mel').acquire('slow too');
  await vi.waitFor(() => expect(leaks).toHaveLength(2), { timeout: DEADLINE_MS, interval: 1 });
  expect(leaks).toMatchObject([
    { pool: 'mel', slot: 0, owner: 'slow', stack: null },
    { pool: 'mel', slot: 1, owner: 'slow too', stack: null },
  ]);
  for (const { ageMs } of leaks) expect(ageMs).toBeGreaterThan(5);
});

test('has its timers until its end, and they keep no process alive', () => {
  const active = (): string[] =>
    process.getActiveResourcesInfo().filter((name) => name === 'Timeout');
  const before = active();
  open({ pools: POOLS });
  expect(active()).toEqual(before);
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const manager = open({ pools: POOLS });
  expect(vi.getTimerCount()).toBe(2);
  manager[Symbol.dispose]();
  expect(vi.getTimerCount()).toBe(0);
});

test('lends nothing after its end', () => {
  const manager = open({ pools: POOLS });
  const mel = manager.pool('mel');
  manager[Symbol.dispose]();
  expect(catchError(() => mel.acquire('late'))).toMatchObject({ code: 'shut_down' });
  expect(catchError(() => manager.pool('mel'))).toMatchObject({ code: 'shut_down' });
});
