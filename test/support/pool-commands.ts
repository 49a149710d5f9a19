/** What can be done to a pool, as commands that a model follows. */

import fc from 'fast-check';
import { expect } from 'vitest';
import {
  agree,
  giveBack,
  type PoolModel,
  type RealPool,
  SLOT_LENGTH,
  startModel,
} from './pool-model.ts';

type Command = fc.Command<PoolModel, RealPool>;

interface PoolHistory {
  readonly size: { readonly max: number; readonly initial: number };
  readonly commands: Iterable<Command>;
}

const anyNumber = fc.nat({ max: 20 });

/** Any sizes of a small pool, and any sequence of commands for it. */
export const poolHistories: fc.Arbitrary<PoolHistory> = fc.record({
  size: fc
    .integer({ min: 1, max: 5 })
    .chain((max) => fc.record({ max: fc.constant(max), initial: fc.nat({ max }) })),
  commands: fc.commands(
    [
      fc.integer({ min: 1, max: SLOT_LENGTH }).map(acquire),
      fc.constant(acquire(SLOT_LENGTH)),
      anyNumber.map(release),
      anyNumber.map(releaseAgain),
      fc.constant(clear()),
      fc.nat({ max: 4 }).map(reclaimIdle),
      fc.nat({ max: 3 }).map(pass),
    ],
    // Without `size` there are about ten.
    { maxCommands: 60, size: 'max' },
  ),
});

/** Does to a new pool and to its model what the history says, and compares them after each step. */
export function follow({ size, commands }: PoolHistory): void {
  fc.modelRun(() => startModel(size), commands);
}

function acquire(length: number): Command {
  return command(`acquire(${length})`, (model, { pool, held }) => {
    const { counts, clock, usedAtMs } = model;
    const slot = model.stack.pop();
    if (slot === undefined) {
      expect(pool.tryAcquire('x', [length])).toBeNull();
      expect(() => pool.acquire('x', [length])).toThrow(/all .* slots are leased/);
      counts.exhaustions++;
      return;
    }
    // Nothing is committed as long as a committed slot is free.
    const isHit = [slot, ...model.stack].some((free) => usedAtMs.has(free));
    const lease = pool.acquire('x', [length]);
    expect(lease.slot).toBe(slot);
    expect(lease.view.length).toBe(length);
    if (isHit) counts.hits++;
    else counts.misses++;
    usedAtMs.set(slot, usedAtMs.get(slot) ?? clock.nowMs);
    const value = ++counts.acquires & 0xff;
    lease.view.fill(value);
    held.push(lease);
    model.held.push({ slot, epoch: model.epoch, value });
    counts.highWaterMark = Math.max(counts.highWaterMark, model.held.length);
  });
}

function release(nth: number): Command {
  const run: Command['run'] = (model, { held, over }) => {
    const at = nth % model.held.length;
    const [known] = model.held.splice(at, 1);
    const [lease] = held.splice(at, 1);
    if (known === undefined || lease === undefined) throw new Error('the model is wrong');
    expect(lease.view.every((value) => value === known.value)).toBe(true);
    lease.release();
    expect(() => lease.view).toThrow(/has already released/);
    over.push(lease);
    model.nOver++;
    model.counts.releases++;
    model.stack.push(known.slot);
    model.usedAtMs.set(known.slot, model.clock.nowMs);
    if (known.epoch !== model.epoch) giveBack(model, 1);
  };
  return command(`release(${nth})`, run, ({ held }) => held.length > 0);
}

function releaseAgain(nth: number): Command {
  const run: Command['run'] = (model, { over }) => {
    expect(() => over[nth % model.nOver]?.release()).toThrow(/has already released/);
    model.counts.doubleReleases++;
  };
  return command(`releaseAgain(${nth})`, run, ({ nOver }) => nOver > 0);
}

function clear(): Command {
  return command('clear()', (model, { pool }) => {
    pool.clear();
    model.epoch++;
    giveBack(model, Infinity);
  });
}

function reclaimIdle(idleMs: number): Command {
  return command(`reclaimIdle(${idleMs})`, (model, { pool }) => {
    pool.reclaimIdle(idleMs);
    const surplus = Math.max(0, model.usedAtMs.size - model.initial);
    giveBack(model, surplus, model.clock.nowMs - idleMs);
  });
}

function pass(ms: number): Command {
  return command(`pass(${ms} ms)`, ({ clock }) => {
    clock.nowMs += ms;
  });
}

function command(name: string, run: Command['run'], check: Command['check'] = () => true): Command {
  return {
    check,
    run(model, real) {
      run(model, real);
      agree(model, real.pool);
    },
    toString: () => name,
  };
}
