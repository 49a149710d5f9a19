/** How far the memory of the process grows over many cycles, with a pool and with allocations. */

import { BufferManager } from '@amanuensis/pool';
import { printRow, printTitle, rounded } from './pool-printing.ts';

const ELEMENTS = 750_000;
const CYCLES = 2_000;
const MB = 1e6;

export function benchMemoryGrowth(): void {
  printTitle(
    `2. Memory: growth over ${CYCLES} cycles of 3 MB, each filled (the original: no figure)`,
  );
  printRow('MB', ['RSS, most', 'external', 'RSS, end']);
  // The pool first: pages that the allocations leave behind would count for it.
  using manager = new BufferManager({
    pools: { buffers: { elementType: 'float32', shape: [ELEMENTS], initial: 5, max: 15 } },
  });
  const pool = manager.pool('buffers');
  printGrowth('acquire + release', (cycle) => {
    using lease = pool.acquire('bench');
    lease.view.fill(cycle);
  });
  printGrowth('new Float32Array', (cycle) => {
    new Float32Array(ELEMENTS).fill(cycle);
  });
}

function printGrowth(name: string, run: (cycle: number) => void): void {
  const before = process.memoryUsage();
  let rssPeak = before.rss;
  let externalPeak = before.external;
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    run(cycle);
    const { rss, external } = process.memoryUsage();
    rssPeak = Math.max(rssPeak, rss);
    externalPeak = Math.max(externalPeak, external);
  }
  const after = process.memoryUsage();
  printRow(name, [
    rounded((rssPeak - before.rss) / MB),
    rounded((externalPeak - before.external) / MB),
    rounded((after.rss - before.rss) / MB),
  ]);
}
