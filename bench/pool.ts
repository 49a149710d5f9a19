/**
 * What the pools cost, and what they save: the five benchmarks of the system that this one follows,
 * with its published figures beside ours, and what ours is held to.
 */

import { benchCycle } from './pool-cycle.ts';
import { benchHeap } from './pool-heap.ts';
import { benchLeaks } from './pool-leaks.ts';
import { benchMemoryGrowth } from './pool-memory-growth.ts';
import { benchService } from './pool-service.ts';
import { benchThreads } from './pool-threads.ts';
import { benchWindows } from './pool-windows.ts';

export async function run(): Promise<void> {
  await benchCycle();
  await benchHeap();
  benchMemoryGrowth();
  await benchThreads();
  await benchLeaks();
  await benchService();
  await benchWindows();
}
