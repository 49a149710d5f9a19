/** One buffer of 3 MB, taken and given back: allocated, from our pool, from others. */

import { BufferManager, BufferPool, Slab, slabBytesFor } from '@amanuensis/pool';
import { createPool } from 'generic-pool';
import { Pool as TarnPool } from 'tarn';
import { createFreeList } from './pool-internals.ts';
import { hold, printFigures, printFiguresHead, printTitle, rounded } from './pool-printing.ts';
import { type Figures, measure, type Subject } from './pool-sampling.ts';

const ELEMENTS = 750_000;
const ELEMENTS_PER_PAGE = 1_024;
const SIZES = { initial: 5, max: 15 };
const SPEC = { elementType: 'float32', shape: [ELEMENTS], ...SIZES } as const;
const ROUNDS = 500;
const OWNER = 'bench';
const NS_PER_US = 1_000;

const ALLOCATION = 'new Float32Array(750000)';
const TOUCHED = '  and a write to each page';
const POOL = 'acquire + release';
const LONE = '  without a manager (exact clock)';
const TRACED = '  with leak tracing';
const BARE = 'pop + push on a bare free list';
const GENERIC = 'generic-pool';
const TARN = 'tarn';

export async function benchCycle(): Promise<void> {
  using manager = new BufferManager({
    pools: { plain: SPEC, traced: { ...SPEC, traceLeaks: true } },
  });
  const slab = Slab.allocate(slabBytesFor([{ name: 'lone', ...SPEC }]));
  const lone = BufferPool.create({ name: 'lone', ...SPEC, slab });
  const list = await createFreeList(SIZES.max);
  const create = async (): Promise<Float32Array> => new Float32Array(ELEMENTS);
  const destroy = async (): Promise<void> => {};
  const generic = createPool({ create, destroy }, { min: SIZES.initial, max: SIZES.max });
  await generic.ready();
  const tarn = new TarnPool({ create, destroy, min: SIZES.initial, max: SIZES.max });

  const figures = await measure(ROUNDS, [
    { name: ALLOCATION, batch: 1, run: () => void allocate() },
    { name: TOUCHED, batch: 1, run: touchNew },
    cycle(POOL, manager.pool('plain')),
    cycle(LONE, lone),
    cycle(TRACED, manager.pool('traced'), 50),
    {
      name: BARE,
      batch: 1_000,
      run(batch) {
        for (let i = 0; i < batch; i++) list.push(list.pop());
      },
    },
    {
      name: GENERIC,
      batch: 50,
      async run(batch) {
        for (let i = 0; i < batch; i++) void generic.release(await generic.acquire());
      },
    },
    {
      name: TARN,
      batch: 50,
      async run(batch) {
        for (let i = 0; i < batch; i++) tarn.release(await tarn.acquire().promise);
      },
    },
  ]);
  await tarn.destroy();
  await generic.drain();
  await generic.clear();
  printCycle(figures);
}

function cycle(name: string, pool: BufferPool<'float32'>, batch = 1_000): Subject {
  return {
    name,
    batch,
    run() {
      for (let i = 0; i < batch; i++) pool.acquire(OWNER).release();
    },
  };
}

function allocate(): Float32Array {
  return new Float32Array(ELEMENTS);
}

/** The system makes the pages of an allocation when they are written, and not before. */
function touchNew(): void {
  const view = allocate();
  for (let at = 0; at < ELEMENTS; at += ELEMENTS_PER_PAGE) view[at] = 1;
}

function printCycle(figures: (name: string) => Figures): void {
  printTitle(
    '1. Allocation: 3 MB of float32 (one sample per allocation; means of batches elsewhere)',
  );
  printFiguresHead('µs');
  for (const name of [ALLOCATION, TOUCHED]) printFigures(name, figures(name), NS_PER_US);
  printFiguresHead('ns');
  for (const name of [POOL, LONE, TRACED, BARE, GENERIC, TARN]) printFigures(name, figures(name));

  const [old, pooled, bare] = [figures(ALLOCATION), figures(POOL), figures(BARE)];
  const times = (name: string): number => figures(name).median / pooled.median;
  const less = (from: number, to: number): string => `${(100 * (1 - to / from)).toFixed(2)} %`;
  console.log(
    [
      `  the original: 5.75 times faster, 82.6 % less time, 91.7 % lower standard deviation\n `,
      `ours: ${rounded(old.mean / pooled.mean)} times faster,`,
      `${less(old.mean, pooled.mean)} less time,`,
      `${less(old.deviation, pooled.deviation)} lower standard deviation`,
    ].join(' '),
  );
  printTitle('   Held to (ratios of medians)');
  holdAtLeast('faster than the allocation', 100, times(ALLOCATION));
  holdAtLeast('faster than generic-pool', 5, times(GENERIC));
  holdAtLeast('faster than tarn', 5, times(TARN));
  const overBare = pooled.median / bare.median;
  hold('at most 4 times a bare pop + push', `${rounded(overBare)} times`, overBare <= 4);
  console.log(`          without a manager: ${rounded(figures(LONE).median / bare.median)} times`);
  console.log(`          leak tracing costs ${rounded(times(TRACED))} times the cycle without`);
}

function holdAtLeast(what: string, target: number, found: number): void {
  hold(`at least ${target} times ${what}`, `${rounded(found)} times`, found >= target);
}
