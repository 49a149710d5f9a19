/** The state of each slot changes as drawn and no other way, also where threads meet. */

import { expect, onTestFinished, test, vi } from 'vitest';
import { BARE, FREE, LEASED, SlotTable } from '../../packages/pool/src/slot-table.ts';
import { beforeNextExchange } from '../support/interleave.ts';

const SLOT = 1;

/** Three slots, all bare, and another thread's table of them. */
function tables(): [SlotTable, SlotTable, Int32Array] {
  const words = new Int32Array(new SharedArrayBuffer(12));
  const times = new Float64Array(9);
  const told = new Int32Array(3);
  return [new SlotTable(words, times, told), new SlotTable(words, times, told), words];
}

test('goes from bare through leased to free and round', () => {
  const [table] = tables();
  expect(table.state(SLOT)).toBe(BARE);
  expect(table.lease(SLOT, 10)).toBe(BARE);
  expect([table.state(SLOT), table.generation(SLOT)]).toEqual([LEASED, 1]);
  expect(table.release(SLOT, 1, 11)).toBe(true);
  expect(table.state(SLOT)).toBe(FREE);
  expect(table.lease(SLOT, 12)).toBe(FREE);
  expect(table.generation(SLOT)).toBe(2);
  expect(table.release(SLOT, 2, 13)).toBe(true);
  expect(table.reclaim(SLOT, 2, () => {})).toBe(true);
  expect([table.state(SLOT), table.generation(SLOT)]).toEqual([BARE, 2]);
  expect([table.acquiredAtMs(SLOT), table.usedAtMs(SLOT)]).toEqual([12, 13]);
  for (const other of [0, 2]) expect([table.state(other), table.generation(other)]).toEqual([0, 0]);
});

test('leases nothing that is leased', () => {
  const [table, theirs] = tables();
  table.lease(SLOT, 10);
  expect(theirs.lease(SLOT, 20)).toBe(LEASED);
  expect([table.generation(SLOT), table.acquiredAtMs(SLOT)]).toEqual([1, 10]);
});

test('ends only the lease of that generation, once', () => {
  const [table] = tables();
  table.lease(SLOT, 10);
  expect(table.isLeased(SLOT, 1)).toBe(true);
  expect(table.release(SLOT, 0, 11)).toBe(false);
  expect(table.release(SLOT, 2, 11)).toBe(false);
  expect(table.release(SLOT, 1, 12)).toBe(true);
  expect(table.isLeased(SLOT, 1)).toBe(false);
  expect(table.release(SLOT, 1, 13)).toBe(false);
  table.lease(SLOT, 14);
  expect(table.isLeased(SLOT, 1)).toBe(false);
  expect(table.isLeased(SLOT, 2)).toBe(true);
  expect(table.release(SLOT, 1, 15)).toBe(false);
  expect([table.state(SLOT), table.usedAtMs(SLOT)]).toEqual([LEASED, 12]);
});

test('was used when it was released last, or committed after', () => {
  const [table] = tables();
  table.commit(SLOT, 5);
  expect([table.createdAtMs(SLOT), table.usedAtMs(SLOT)]).toEqual([5, 5]);
  table.lease(SLOT, 6);
  table.release(SLOT, 1, 7);
  expect(table.usedAtMs(SLOT)).toBe(7);
  table.commit(SLOT, 9);
  expect(table.usedAtMs(SLOT)).toBe(9);
});

test('knows a lease that is lost from one that is not', () => {
  const [table] = tables();
  table.lease(SLOT, 1);
  expect(table.isLost(SLOT)).toBe(false);
  table.lose(SLOT);
  expect([table.isLost(SLOT), table.isLost(0)]).toEqual([true, false]);
});

test('is never seen leased with the time of the lease before', () => {
  const [mine, theirs] = tables();
  mine.lease(SLOT, 10);
  mine.release(SLOT, 1, 20);
  beforeNextExchange(() => expect(theirs.acquiredAtMs(SLOT)).toBe(1_000));
  mine.lease(SLOT, 1_000);
  expect.assertions(1);
});

test('somebody is told of a leak once, whoever finds it, and of the next lease again', () => {
  const [mine, theirs] = tables();
  mine.lease(SLOT, 1);
  expect([mine.tell(SLOT, 1), theirs.tell(SLOT, 1), mine.tell(SLOT, 1)]).toEqual([
    true,
    false,
    false,
  ]);
  mine.release(SLOT, 1, 2);
  mine.lease(SLOT, 3);
  expect([theirs.tell(SLOT, 2), mine.tell(SLOT, 2), mine.tell(0, 2)]).toEqual([true, false, true]);
});

test('tells of a leak also where the generations begin again', () => {
  const [table] = tables();
  expect(table.tell(SLOT, 0)).toBe(true);
});

test('gives memory back of free slots alone', () => {
  const [table] = tables();
  let calls = 0;
  const reclaim = (): void => {
    calls++;
    expect([BARE, FREE, LEASED]).not.toContain(table.state(SLOT));
  };
  expect(table.reclaim(SLOT, 0, reclaim)).toBe(false);
  table.lease(SLOT, 1);
  expect(table.reclaim(SLOT, 1, reclaim)).toBe(false);
  table.release(SLOT, 1, 2);
  for (const generation of [0, 2]) expect(table.reclaim(SLOT, generation, reclaim)).toBe(false);
  expect(calls).toBe(0);
  expect(table.reclaim(SLOT, 1, reclaim)).toBe(true);
  expect(calls).toBe(1);
  expect([table.state(SLOT), table.generation(SLOT)]).toEqual([BARE, 1]);
  table.setFree(0);
  expect(() =>
    table.reclaim(0, 0, () => {
      throw new Error('failed');
    }),
  ).toThrow('failed');
  expect(table.state(0)).toBe(BARE);
});

test('gives nothing back that another thread leased meanwhile', () => {
  const [mine, theirs] = tables();
  mine.setFree(SLOT);
  beforeNextExchange(() => theirs.lease(SLOT, 1));
  expect(mine.reclaim(SLOT, 0, () => expect.unreachable())).toBe(false);
  expect(mine.isLeased(SLOT, 1)).toBe(true);
});

test('leases again when the slot was given back meanwhile', () => {
  const [mine, theirs] = tables();
  mine.setFree(SLOT);
  beforeNextExchange(() => theirs.reclaim(SLOT, 0, () => {}));
  expect(mine.lease(SLOT, 1)).toBe(BARE);
  expect(mine.generation(SLOT)).toBe(1);
});

test('wakes whoever waits for a slot that is being given back', () => {
  const [mine, , words] = tables();
  mine.setFree(SLOT);
  const notify = vi.spyOn(Atomics, 'notify');
  onTestFinished(() => notify.mockRestore());
  mine.reclaim(SLOT, 0, () => expect(notify).not.toHaveBeenCalled());
  expect(notify).toHaveBeenCalledWith(words, SLOT);
});

test('takes a slot over from a thread that never ends giving it back', () => {
  const [mine, theirs] = tables();
  mine.setFree(SLOT);
  theirs.reclaim(SLOT, 0, () => {
    const startedAtMs = performance.now();
    expect(mine.lease(SLOT, 1)).toBe(BARE);
    expect(performance.now() - startedAtMs).toBeGreaterThan(900);
  });
  // That it ends after all takes nothing from the new holder.
  expect(mine.isLeased(SLOT, 1)).toBe(true);
});

test('begins to count again after 2^30 leases', () => {
  const [table, , words] = tables();
  words[SLOT] = ((2 ** 30 - 2) << 2) | FREE;
  for (const generation of [2 ** 30 - 1, 0, 1]) {
    expect(table.lease(SLOT, 1)).toBe(FREE);
    expect(table.generation(SLOT)).toBe(generation);
    expect(table.isLeased(SLOT, generation)).toBe(true);
    expect(table.release(SLOT, generation, 2)).toBe(true);
  }
});
