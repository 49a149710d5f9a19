/** What a pool is made of in one thread, put together. */

import { Counters } from './counters.ts';
import type { ElementType } from './element-type.ts';
import { FreeList } from './free-list.ts';
import { IdleSlots } from './idle-slots.ts';
import type { PoolHandle } from './pool-handle.ts';
import { poolMemoryAt } from './pool-memory.ts';
import type { ThreadOptions } from './pool-options.ts';
import { PoolReport } from './pool-report.ts';
import { clockSince } from './shared-clock.ts';
import { SlotContents } from './slot-contents.ts';
import { SlotTable } from './slot-table.ts';
import { WaitQueue } from './wait-queue.ts';

export interface PoolParts<E extends ElementType> {
  readonly name: string;
  readonly now: () => number;
  /** `Signal` of pool-memory says what stands where. */
  readonly signals: Int32Array;
  readonly freeList: FreeList;
  readonly table: SlotTable;
  readonly counters: Counters;
  readonly contents: SlotContents<E>;
  readonly idle: IdleSlots;
  readonly report: PoolReport;
  readonly waiters: WaitQueue;
}

/** @throws PoolError `too_many_threads`. */
export function openParts<E extends ElementType>(
  handle: PoolHandle<E>,
  thread: ThreadOptions,
): PoolParts<E> {
  const { spec, buffer, byteOffset, timeOriginMs } = handle;
  const { name, max } = spec;
  const memory = poolMemoryAt(buffer, byteOffset, spec);
  const { signals } = memory;
  const freeList = new FreeList(memory.freeList, max);
  const table = new SlotTable(memory.words, memory.times, memory.told);
  const counters = new Counters(memory.counters, memory.rows);
  const contents = new SlotContents(handle, memory, thread.reclaim);
  return {
    name,
    now: thread.now ?? clockSince(timeOriginMs),
    signals,
    freeList,
    table,
    counters,
    contents,
    idle: new IdleSlots(max, freeList, table, contents),
    report: new PoolReport(handle, memory, table, freeList, counters),
    waiters: new WaitQueue(name, signals, counters),
  };
}
