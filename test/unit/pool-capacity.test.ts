/** As many jobs as the pools are said to have room for never exhaust one, whatever they do. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { concurrencyFor, type Lease } from '../../packages/pool/src/index.ts';
import { createSmallPool } from '../support/pool-model.ts';
import { catchError } from '../support/pools.ts';

test('computes how many jobs fit into all pools', () => {
  const pools = [
    { name: 'audio', max: 15 },
    { name: 'mel', max: 20 },
    { name: 'kv_cache', max: 9 },
  ];
  expect(concurrencyFor(pools, { audio: 1, mel: 1, kv_cache: 1 })).toBe(9);
  expect(concurrencyFor(pools, { audio: 1, mel: 7, kv_cache: 4 })).toBe(2);
  for (const wrong of [
    { audio: 1, mel: 1 },
    { audio: 1, mel: 1, kv_cache: 10 },
    { audio: 1, mel: 1, kv_cache: 0 },
    { audio: 1, mel: 1.5, kv_cache: 1 },
    { audio: 1, mel: 1, kv_cache: 1, mal: 1 },
  ]) {
    expect(catchError(() => concurrencyFor(pools, wrong))).toMatchObject({
      code: 'invalid_option',
    });
  }
  expect(catchError(() => concurrencyFor([], {}))).toMatchObject({ code: 'invalid_option' });
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
    size: 'max',
  });
  fc.assert(
    fc.property(pools, steps, (specs, sequence) => {
      const perJob = Object.fromEntries(specs.map(({ name, perJob: n }) => [name, n]));
      const jobs = concurrencyFor(specs, perJob);
      const real = specs.map(({ name, max, perJob: limit }) => ({
        pool: createSmallPool({ name, max, initial: 0 }),
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
