/** Twenty threads on one shared pool, each of which stamps what it holds and looks again. */

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { BufferPool, Slab, slabBytesFor } from '@amanuensis/pool';
import { hold, printTitle, rounded } from './pool-printing.ts';

const THREADS = 20;
const CYCLES_PER_THREAD = 100_000;
const MS_PER_S = 1_000;
const SPEC = { name: 'shared', elementType: 'uint8', shape: [4_096], initial: 5, max: 20 } as const;

/** What each thread says in the end. */
interface ThreadReport {
  /** Slots that were not as their holder left them. */
  readonly heldTwice: number;
}

export async function benchThreads(): Promise<void> {
  printTitle(
    `3. ${THREADS} threads: ${CYCLES_PER_THREAD} acquires and releases each, slots stamped`,
  );
  const pool = BufferPool.create({ ...SPEC, slab: Slab.allocate(slabBytesFor([SPEC])) });
  const workerData = { handle: pool.handle, cycles: CYCLES_PER_THREAD };
  const threads = Array.from(
    { length: THREADS },
    () => new Worker(new URL('./pool-thread.js', import.meta.url), { workerData }),
  );
  await Promise.all(threads.map((thread) => once(thread, 'message')));
  const startMs = performance.now();
  const reports = threads.map(async (thread): Promise<ThreadReport> => {
    const [report] = await once(thread, 'message');
    return report;
  });
  for (const thread of threads) thread.postMessage('go');
  const heldTwice = (await Promise.all(reports)).reduce((sum, r) => sum + r.heldTwice, 0);
  const seconds = (performance.now() - startMs) / MS_PER_S;
  await Promise.all(threads.map((thread) => thread.terminate()));

  const cycles = THREADS * CYCLES_PER_THREAD;
  const { acquires, releases, inUse, leaked, exhaustions, highWaterMark } = pool.stats();
  console.log(`  the original: 69,119 operations a second`);
  console.log(
    `  ours: ${rounded(cycles / seconds)} acquire + release a second, ${highWaterMark} slots at once`,
  );
  printTitle('   Held to');
  const isExact = acquires === cycles && releases === cycles && exhaustions === 0;
  hold(`${cycles} operations without an error`, `${releases} released`, isExact);
  hold('no leak', `${inUse} in use, ${leaked} leaked`, inUse === 0 && leaked === 0);
  hold('no slot held twice', `${heldTwice} found`, heldTwice === 0);
}
