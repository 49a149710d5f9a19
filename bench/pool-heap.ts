/** What a cycle leaves on the heap: the lease, and nothing else. */

import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { BufferManager } from '@amanuensis/pool';
import { createLease } from './pool-internals.ts';
import { hold, printTitle } from './pool-printing.ts';

/** So few that no collection comes in between. */
const CYCLES = 20_000;
const WARM_UP = 100_000;

export async function benchHeap(): Promise<void> {
  printTitle('   Held to: nothing is allocated per cycle beyond the lease');
  using manager = new BufferManager({
    pools: { buffers: { elementType: 'float32', shape: [750_000], initial: 5, max: 15 } },
  });
  const pool = manager.pool('buffers');
  const { view } = pool.acquire('bench');
  // Where a lease can be reached from outside, the compiler cannot do without the object.
  const reachable: unknown[] = [null];
  const cycleBytes = bytesOf(() => {
    const lease = pool.acquire('bench');
    reachable[0] = lease;
    lease.release();
  });
  const create = await createLease(view);
  const leaseBytes = bytesOf(() => {
    reachable[0] = create();
  });
  hold(
    'bytes per cycle are those of one lease',
    `${cycleBytes.toFixed(1)} and ${leaseBytes.toFixed(1)}`,
    cycleBytes <= leaseBytes + 1,
  );
}

function bytesOf(run: () => void): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < WARM_UP; i++) run();
  collect();
  const before = getHeapStatistics().used_heap_size;
  for (let i = 0; i < CYCLES; i++) run();
  return (getHeapStatistics().used_heap_size - before) / CYCLES;
}
