/** Many windows by as many jobs at once as the capacity allows, more than the pools start with. */

import { setImmediate } from 'node:timers/promises';
import { BufferManager, concurrencyFor } from '@amanuensis/pool';
import { hold, printRow, printTitle, rounded } from './pool-printing.ts';
import { WINDOW_POOLS, type WindowPool } from './pool-window-pools.ts';

const WINDOWS = 100_000;
const SLOTS_PER_JOB: Readonly<Record<WindowPool, number>> = { mel: 1, audio: 1, encoder_output: 1 };
const MS_PER_S = 1_000;

export async function benchWindows(): Promise<void> {
  using manager = new BufferManager({ pools: WINDOW_POOLS });
  const jobs = concurrencyFor(manager.all, SLOTS_PER_JOB);
  let left = WINDOWS;
  const job = async (_: unknown, index: number): Promise<void> => {
    const owner = `job-${index}`;
    while (left-- > 0) {
      using audio = manager.pool('audio').acquire(owner);
      await setImmediate();
      using mel = manager.pool('mel').acquire(owner);
      mel.view[0] = audio.view[0] ?? 0;
      audio.view[0] = left;
      await setImmediate();
      using encoderOutput = manager.pool('encoder_output').acquire(owner);
      encoderOutput.view[0] = left;
      await setImmediate();
    }
  };
  const startMs = performance.now();
  await Promise.all(Array.from({ length: jobs }, job));
  const seconds = (performance.now() - startMs) / MS_PER_S;

  printTitle(`   Held to: ${WINDOWS} windows by ${jobs} jobs at once`);
  printRow('', ['initial', 'peak', 'allocated', 'misses', 'exhausted', 'leaked', 'in use']);
  let isHeld = true;
  for (const stats of manager.stats()) {
    const { initial } = WINDOW_POOLS[stats.name as WindowPool];
    const { highWaterMark, allocations, misses, exhaustions, leaked, inUse } = stats;
    printRow(
      stats.name,
      [initial, highWaterMark, allocations, misses, exhaustions, leaked, inUse].map(String),
    );
    isHeld &&= misses === allocations - initial && exhaustions + leaked + inUse === 0;
  }
  hold('misses are the slots that were added, nothing leaks or runs out', 'as above', isHeld);
  console.log(`          ${rounded(WINDOWS / seconds)} windows a second`);
}
