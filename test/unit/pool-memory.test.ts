/** How a pool divides its part of a slab. */

import { expect, test } from 'vitest';
import { poolBytes } from '../../packages/pool/src/index.ts';
import { poolMemoryAt } from '../../packages/pool/src/pool-memory.ts';

const PAGE_BYTES = 4_096;
const BYTE_OFFSET = 3 * PAGE_BYTES;

test('nothing lies on anything else, and nothing is left but less than a page', () => {
  const buffer = new SharedArrayBuffer(2 ** 20);
  for (let max = 1; max <= 4_095; max++) {
    const spec = { name: 'p', elementType: 'uint8', shape: [1], initial: 0, max } as const;
    const memory = poolMemoryAt(buffer, BYTE_OFFSET, spec);
    const { times, counters, signals, rows, freeList, words, told, slotsOffset } = memory;
    let end = BYTE_OFFSET;
    for (const part of [times, counters, signals, rows, freeList, words, told]) {
      if (part.byteOffset !== end) expect.unreachable(`with ${max} slots a part begins elsewhere`);
      end += part.byteLength;
    }
    const unused = slotsOffset - end;
    if (unused < 0 || unused >= PAGE_BYTES) expect.unreachable(`with ${max} slots ${unused}`);
    const bytes = slotsOffset - BYTE_OFFSET + Math.ceil((64 * max) / PAGE_BYTES) * PAGE_BYTES;
    if (poolBytes(spec) !== bytes) expect.unreachable(`with ${max} slots ${poolBytes(spec)} bytes`);
  }
});
