/** The shared stack of free slots, also where another thread comes in between. */

import { expect, test } from 'vitest';
import { FreeList } from '../../packages/pool/src/free-list.ts';
import { beforeNextExchange } from '../support/interleave.ts';

const MAX = 4;

/** Two threads' views of one list on which these slots lie, the last on top. */
function twoOn(slots: readonly number[]): [FreeList, FreeList, Int32Array] {
  const words = new Int32Array(FreeList.words(MAX));
  const [mine, theirs] = [new FreeList(words, MAX), new FreeList(words, MAX)];
  for (const slot of slots) mine.push(slot);
  return [mine, theirs, words];
}

function drain(list: FreeList): number[] {
  const slots: number[] = [];
  for (let slot = list.pop(); slot >= 0 && slots.length <= MAX; slot = list.pop()) slots.push(slot);
  return slots;
}

test('is empty at first', () => {
  const [list] = twoOn([]);
  expect(list.pop()).toBe(-1);
});

test('gives the last that was pushed first, to whoever asks', () => {
  const [mine, theirs] = twoOn([2, 0, 3]);
  expect(theirs.pop()).toBe(3);
  mine.push(1);
  expect(drain(theirs)).toEqual([1, 0, 2]);
  expect(mine.pop()).toBe(-1);
});

test('knows how many were left under a popped slot', () => {
  const [list] = twoOn([2, 0, 3]);
  expect(list.leftBelow(list.pop())).toBe(2);
  expect(list.leftBelow(list.pop())).toBe(1);
  list.push(3);
  expect(list.leftBelow(list.pop())).toBe(1);
  expect(list.leftBelow(list.pop())).toBe(0);
});

test('pops again when another thread popped meanwhile', () => {
  const [mine, theirs] = twoOn([0, 1, 2]);
  beforeNextExchange(() => expect(theirs.pop()).toBe(2));
  expect(mine.pop()).toBe(1);
  expect(drain(mine)).toEqual([0]);
});

test('pops again when the same slot is back on top of others (ABA)', () => {
  const [mine, theirs] = twoOn([0, 1, 2]);
  beforeNextExchange(() => {
    const [top] = [theirs.pop(), theirs.pop()];
    theirs.push(top);
  });
  // Whoever trusted the slot on top would put slot 1, which is lent, back on the list.
  expect(mine.pop()).toBe(2);
  expect(drain(mine)).toEqual([0]);
});

test('pushes again when another thread pushed meanwhile', () => {
  const [mine, theirs] = twoOn([0]);
  beforeNextExchange(() => theirs.push(1));
  mine.push(2);
  const top = mine.pop();
  expect([top, mine.leftBelow(top)]).toEqual([2, 2]);
  expect(drain(mine)).toEqual([1, 0]);
});

test('pushes again when the list was emptied meanwhile', () => {
  const [mine, theirs] = twoOn([0]);
  beforeNextExchange(() => theirs.pop());
  mine.push(2);
  const top = mine.pop();
  expect([top, mine.leftBelow(top)]).toEqual([2, 0]);
  expect(mine.pop()).toBe(-1);
});

test('goes on when its count of changes wraps around', () => {
  const [mine, , words] = twoOn([0, 1]);
  for (const changes of [0x7ffff, 0xfffff, 0x80000]) {
    words[0] = (changes << 12) | ((words[0] ?? 0) & 0xfff);
    const slots = [mine.pop(), mine.pop(), mine.pop()];
    expect(slots).toEqual([1, 0, -1]);
    mine.push(0);
    mine.push(1);
  }
});

test('counts each change, of pops and of pushes', () => {
  const [list, , words] = twoOn([0]);
  const before = words[0] ?? 0;
  list.push(list.pop());
  expect((words[0] ?? 0) - before).toBe(2 << 12);
});
