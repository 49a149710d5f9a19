/** What a cycle leaves on the heap: the lease, and nothing else. */

import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { BufferManager } from '@amanuensis/pool';
import { createLease } from './pool-internals.ts';
import { hold, printTitle } from './pool-printing.ts';
import { figuresOf } from './pool-sampling.ts';

/** So few that no collection comes in between. */
const CYCLES = 6_000;
const SMALLEST_OBJECT_BYTES = 16;
const WARM_UP = 100_000;
const TRIES = 9;

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
    cycleBytes < leaseBytes + SMALLEST_OBJECT_BYTES / 2,
  );
}

/** The median of several tries: the compiler allocates now and then, too. */
function bytesOf(run: () => void): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < WARM_UP; i++) run();
  const tries = Array.from({ length: TRIES }, () => {
    collect();
    // A collection may throw optimised code away: it is made again before the count begins.
    for (let i = 0; i < CYCLES; i++) run();
    const before = getHeapStatistics().used_heap_size;
    for (let i = 0; i < CYCLES; i++) run();
    return (getHeapStatistics().used_heap_size - before) / CYCLES;
  });
  return figuresOf(tries).median;
}
