/** A thousand acquires and releases leave nothing behind; a lease that is kept does. */

import { BufferManager } from '@amanuensis/pool';
import { hold, printTitle } from './pool-printing.ts';

const ITERATIONS = 1_000;
const MAX_LEASE_MS = 1_000;
const TICK_MS = 1;

export async function benchLeaks(): Promise<void> {
  printTitle(`4. Leaks after ${ITERATIONS} iterations (the original: none)`);
  using manager = new BufferManager({
    tickMs: TICK_MS,
    pools: {
      buffers: {
        elementType: 'float32',
        shape: [750_000],
        initial: 5,
        max: 15,
        maxLeaseMs: MAX_LEASE_MS,
        traceLeaks: true,
      },
    },
  });
  const pool = manager.pool('buffers');
  for (let i = 0; i < ITERATIONS; i++) {
    using _lease = pool.acquire(`iteration ${i}`);
  }
  const { inUse, leaked, allocations, acquires, releases } = pool.stats();
  hold(
    'none',
    `${acquires} acquired, ${releases} released, ${inUse} in use, ${leaked} leaked, ${allocations} slots`,
    releases === ITERATIONS && inUse === 0 && leaked === 0,
  );
  using kept = pool.acquire('kept on purpose');
  await new Promise((resolve) => setTimeout(resolve, MAX_LEASE_MS + 100 * TICK_MS));
  const { leaked: found } = pool.stats();
  hold(`a lease kept for more than ${MAX_LEASE_MS} ms is found`, kept.owner, found === 1);
}
