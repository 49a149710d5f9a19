/** The slabs of one manager: handed in or allocated, all of them claimed or none. */

import { PoolError } from './pool-error.ts';
import { PAGE_BYTES, roundUp, Slab } from './slab.ts';

/**
 * @param bytesNeeded by the slabs' names.
 * @param given ready ones under some of these names; the others are allocated.
 * @throws PoolError `invalid_option` for a slab that is claimed or not needed; `slab_full`.
 */
export function claimSlabs(
  bytesNeeded: Readonly<Record<string, number>>,
  given: Readonly<Record<string, Slab>>,
): Readonly<Record<string, Slab>> {
  const ready = new Map(Object.entries(given));
  for (const name of ready.keys()) {
    if (!Object.hasOwn(bytesNeeded, name))
      refuse('invalid_option', `nothing lies in a slab ${name}`);
  }
  const slabs: [string, Slab][] = [];
  try {
    for (const [name, bytes] of Object.entries(bytesNeeded)) {
      const slab = ready.get(name) ?? Slab.allocate(bytes);
      slabs.push([name, slab.claim()]);
      const left = slab.bytesTotal - roundUp(slab.bytesReserved, PAGE_BYTES);
      if (left < bytes) refuse('slab_full', `${name}: ${bytes} bytes do not fit into ${left}`);
    }
  } catch (error) {
    for (const [, slab] of slabs) slab.unclaim();
    throw error;
  }
  return Object.fromEntries(slabs);
}

function refuse(code: 'invalid_option' | 'slab_full', reason: string): never {
  throw new PoolError(code, reason);
}
