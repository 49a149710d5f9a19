/** How many jobs may run at once so that no pool can run out: computed here and nowhere else. */

import { PoolError } from './pool-error.ts';

/**
 * `floor(min over pools of max / slotsPerJob)`: with that many jobs, each of which holds at most
 * `slotsPerJob` slots of each pool, every acquire finds a slot.
 *
 * @param slotsPerJob most slots that one job holds at once, by the pool's name.
 * @throws PoolError `invalid_option` when a pool has no entry, an entry has no pool or is no
 *   positive integer, or not even one job fits.
 */
export function concurrencyFor(
  pools: Iterable<{ readonly name: string; readonly max: number }>,
  slotsPerJob: Readonly<Record<string, number>>,
): number {
  const unknown = new Set(Object.keys(slotsPerJob));
  let jobs = Number.POSITIVE_INFINITY;
  for (const { name, max } of pools) {
    const slots = Object.hasOwn(slotsPerJob, name) ? slotsPerJob[name] : undefined;
    if (slots === undefined)
      refuse(`slotsPerJob does not say how many slots of ${name} a job holds`);
    if (!Number.isSafeInteger(slots) || slots < 1) refuse(`slotsPerJob.${name} is ${slots}`);
    if (slots > max) refuse(`a job holds ${slots} slots of ${name}, which has ${max}`);
    jobs = Math.min(jobs, Math.floor(max / slots));
    unknown.delete(name);
  }
  if (unknown.size > 0) refuse(`slotsPerJob names no pool: ${[...unknown].join(', ')}`);
  if (jobs === Number.POSITIVE_INFINITY) refuse('there are no pools');
  return jobs;
}

function refuse(reason: string): never {
  throw new PoolError('invalid_option', reason);
}
