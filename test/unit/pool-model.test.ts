/** Any sequence of commands leaves a pool as a simple model says; no sequence of jobs exhausts it. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type BufferPool, concurrencyFor, type Lease } from '../../packages/pool/src/index.ts';
import { createPool } from '../support/pools.ts';

type Pool = BufferPool<'uint8'>;
type Command = fc.Command<Model, Real>;

interface Real {
  readonly pool: Pool;
  /** Like the model's, in the same order. */
  readonly held: Lease<'uint8'>[];
  readonly over: Lease<'uint8'>[];
}

/** What the pool should be: plain arrays and numbers. */
interface Model {
  readonly max: number;
  readonly initial: number;
  /** Free slots, the next on top. */
  readonly stack: number[];
  readonly held: { readonly slot: number; readonly epoch: number; readonly value: number }[];
  /** When each committed slot was used last. */
  readonly usedAtMs: Map<number, number>;
  readonly clock: { nowMs: number };
  epoch: number;
  nOver: number;
  readonly counts: Record<
    'acquires' | 'releases' | 'hits' | 'misses' | 'exhaustions' | 'doubleReleases' | 'high',
    number
  >;
}

class Acquire implements Command {
  readonly length: number;
  constructor(length: number) {
    this.length = length;
  }

  check(): boolean {
    return true;
  }

  run(model: Model, { pool, held }: Real): void {
    const { counts, clock, usedAtMs } = model;
    const slot = model.stack.pop();
    if (slot === undefined) {
      expect(pool.tryAcquire('x', [this.length])).toBeNull();
      expect(() => pool.acquire('x', [this.length])).toThrow(/all .* slots are leased/);
      counts.exhaustions++;
      agree(model, pool);
      return;
    }
    const lease = pool.acquire('x', [this.length]);
    expect(lease.slot).toBe(slot);
    expect(lease.view.length).toBe(this.length);
    if (usedAtMs.has(slot)) counts.hits++;
    else counts.misses++;
    usedAtMs.set(slot, usedAtMs.get(slot) ?? clock.nowMs);
    const value = ++counts.acquires & 0xff;
    lease.view.fill(value);
    held.push(lease);
    model.held.push({ slot, epoch: model.epoch, value });
    counts.high = Math.max(counts.high, model.held.length);
    agree(model, pool);
  }

  toString(): string {
    return `acquire(${this.length})`;
  }
}

class Release implements Command {
  readonly at: number;
  constructor(at: number) {
    this.at = at;
  }

  check({ held }: Readonly<Model>): boolean {
    return held.length > 0;
  }

  run(model: Model, { pool, held, over }: Real): void {
    const at = this.at % model.held.length;
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
    if (known.epoch === model.epoch) model.usedAtMs.set(known.slot, model.clock.nowMs);
    else model.usedAtMs.delete(known.slot);
    agree(model, pool);
  }

  toString(): string {
    return `release(${this.at})`;
  }
}

class ReleaseAgain implements Command {
  readonly at: number;
  constructor(at: number) {
    this.at = at;
  }

  check({ nOver }: Readonly<Model>): boolean {
    return nOver > 0;
  }

  run(model: Model, { pool, over }: Real): void {
    expect(() => over[this.at % model.nOver]?.release()).toThrow(/has already released/);
    model.counts.doubleReleases++;
    agree(model, pool);
  }

  toString(): string {
    return `releaseAgain(${this.at})`;
  }
}

class Clear implements Command {
  check(): boolean {
    return true;
  }

  run(model: Model, { pool }: Real): void {
    pool.clear();
    model.epoch++;
    for (const slot of model.stack) model.usedAtMs.delete(slot);
    agree(model, pool);
  }

  toString(): string {
    return 'clear()';
  }
}

class ReclaimIdle implements Command {
  readonly idleMs: number;
  constructor(idleMs: number) {
    this.idleMs = idleMs;
  }

  check(): boolean {
    return true;
  }

  run(model: Model, { pool }: Real): void {
    pool.reclaimIdle(this.idleMs);
    const { usedAtMs, stack, clock } = model;
    const idle = [...usedAtMs]
      .filter(([slot, atMs]) => stack.includes(slot) && atMs <= clock.nowMs - this.idleMs)
      .sort((a, b) => a[1] - b[1] || a[0] - b[0]);
    const surplus = Math.max(0, usedAtMs.size - model.initial);
    for (const [slot] of idle.slice(0, surplus)) usedAtMs.delete(slot);
    agree(model, pool);
  }

  toString(): string {
    return `reclaimIdle(${this.idleMs})`;
  }
}

class Pass implements Command {
  readonly ms: number;
  constructor(ms: number) {
    this.ms = ms;
  }

  check(): boolean {
    return true;
  }

  run({ clock }: Model): void {
    clock.nowMs += this.ms;
  }

  toString(): string {
    return `pass(${this.ms} ms)`;
  }
}

const SLOT_LENGTH = 16;
const anyNumber = fc.nat({ max: 20 });
const commands = fc.commands(
  [
    fc.integer({ min: 1, max: SLOT_LENGTH }).map((length) => new Acquire(length)),
    fc.constant(new Acquire(SLOT_LENGTH)),
    anyNumber.map((at) => new Release(at)),
    anyNumber.map((at) => new ReleaseAgain(at)),
    fc.constant(new Clear()),
    fc.nat({ max: 4 }).map((idleMs) => new ReclaimIdle(idleMs)),
    fc.nat({ max: 3 }).map((ms) => new Pass(ms)),
  ],
  { maxCommands: 60 },
);

test('is as the model says after any sequence of commands', () => {
  const sizes = fc
    .integer({ min: 1, max: 5 })
    .chain((max) => fc.record({ max: fc.constant(max), initial: fc.nat({ max }) }));
  fc.assert(
    fc.property(sizes, commands, ({ max, initial }, sequence) => {
      fc.modelRun(() => start(max, initial), sequence);
    }),
    { numRuns: 300 },
  );
});

test('with concurrencyFor jobs no sequence exhausts a pool, and one more job could', () => {
  const pools = fc.uniqueArray(
    fc.integer({ min: 1, max: 12 }).chain((max) =>
      fc.record({
        name: fc.constantFrom('audio', 'mel', 'encoder_output', 'kv_cache'),
        max: fc.constant(max),
        perJob: fc.integer({ min: 1, max }),
      }),
    ),
    { minLength: 1, selector: ({ name }) => name },
  );
  const steps = fc.array(fc.record({ job: fc.nat(), pool: fc.nat(), takes: fc.boolean() }), {
    maxLength: 200,
  });
  fc.assert(
    fc.property(pools, steps, (specs, sequence) => {
      const perJob = Object.fromEntries(specs.map(({ name, perJob: n }) => [name, n]));
      const jobs = concurrencyFor(specs, perJob);
      const real = specs.map(({ name, max, perJob: limit }) => ({
        pool: create(name, max, 0),
        limit,
        held: Array.from({ length: jobs + 1 }, (): Lease<'uint8'>[] => []),
      }));
      for (const { job, pool, takes } of sequence) {
        const of = real[pool % real.length];
        const held = of?.held[job % jobs];
        if (of === undefined || held === undefined) throw new Error('no such pool');
        if (!takes) held.pop()?.release();
        else if (held.length < of.limit) held.push(of.pool.acquire(`job ${job % jobs}`));
      }
      const takeAll = (job: number): void => {
        for (const { pool, limit, held } of real) {
          const leases = held[job] ?? [];
          while (leases.length < limit) leases.push(pool.acquire(`job ${job}`));
        }
      };
      for (let job = 0; job < jobs; job++) takeAll(job);
      expect(() => takeAll(jobs)).toThrow(/slots are leased/);
    }),
    { numRuns: 300 },
  );
});

function create(name: string, max: number, initial: number, now?: () => number): Pool {
  const spec = { name, elementType: 'uint8', shape: [SLOT_LENGTH], initial, max } as const;
  return createPool<'uint8'>({ ...spec, ...(now && { now }) });
}

function start(max: number, initial: number): { model: Model; real: Real } {
  const clock = { nowMs: 1 };
  const pool = create('p', max, initial, () => clock.nowMs);
  const model: Model = {
    max,
    initial,
    clock,
    stack: Array.from({ length: max }, (_, i) => max - 1 - i),
    held: [],
    usedAtMs: new Map(Array.from({ length: initial }, (_, slot) => [slot, 1])),
    epoch: 0,
    nOver: 0,
    counts: {
      acquires: 0,
      releases: 0,
      hits: 0,
      misses: 0,
      exhaustions: 0,
      doubleReleases: 0,
      high: 0,
    },
  };
  return { model, real: { pool, held: [], over: [] } };
}

function agree({ counts, held, usedAtMs, max }: Model, pool: Pool): void {
  const { high, ...counted } = counts;
  expect(pool.stats()).toMatchObject({
    ...counted,
    highWaterMark: high,
    inUse: held.length,
    available: max - held.length,
    allocations: usedAtMs.size,
    leaked: 0,
  });
  const slots = pool.slots();
  expect(slots.map(({ slot }) => slot)).toEqual([...usedAtMs.keys()].sort((a, b) => a - b));
  const holding = slots.filter(({ holder }) => holder === 'x').map(({ slot }) => slot);
  expect(holding).toEqual(held.map(({ slot }) => slot).sort((a, b) => a - b));
}
