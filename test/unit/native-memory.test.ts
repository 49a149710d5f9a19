/** Pages that are given back to Linux: they leave the process, and nothing beside them changes. */

import { execFileSync } from 'node:child_process';
import { Slab } from '@amanuensis/pool';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type ReclaimPages,
  reclaimPages,
} from '../../packages/pipeline/src/inference/native-memory.ts';
import { residentBytes } from '../support/memory.ts';

const MIB = 2 ** 20;
const FILLING = 7;
const isLinux = process.platform === 'linux';

function reclaim(...range: Parameters<ReclaimPages>): void {
  if (reclaimPages === undefined) throw new Error('there is no reclaimPages');
  reclaimPages(...range);
}

test('pages can be given back on Linux, and only there', () => {
  expect(reclaimPages !== undefined).toBe(isLinux);
});

describe.runIf(isLinux)('on Linux', () => {
  test.each([
    ['a WebAssembly.Memory', () => Slab.allocate(128 * MIB).buffer],
    ['a SharedArrayBuffer', () => new SharedArrayBuffer(128 * MIB)],
  ])('the pages of %s leave the process, and come back as zeros', (_, allocate) => {
    const buffer = allocate();
    const bytes = new Uint8Array(buffer).fill(FILLING);
    const range = bytes.subarray(32 * MIB, 96 * MIB);
    const before = residentBytes();
    reclaim(buffer, range.byteOffset, range.byteLength);
    const freed = before - residentBytes();
    expect(freed).toBeGreaterThan(63 * MIB);
    expect(freed).toBeLessThan(65 * MIB);
    // A SharedArrayBuffer may begin within a page; then the ends share theirs with others.
    expect([31 * MIB, 33 * MIB, 95 * MIB, 97 * MIB].map((at) => bytes[at])).toEqual([7, 0, 0, 7]);

    range.fill(FILLING);
    expect(bytes.indexOf(0)).toBe(-1);
    expect(before - residentBytes()).toBeLessThan(MIB);
  });

  test('whole pages of the range are given back, and not a byte beside them', () => {
    const pageBytes = Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' }));
    const total = 4 * Math.max(pageBytes, 65_536);
    const { buffer } = Slab.allocate(total);
    const bytes = new Uint8Array(buffer);
    const offset = fc.integer({ min: 0, max: total });
    const nearPage = fc
      .tuple(fc.integer({ min: 0, max: total / pageBytes }), fc.integer({ min: -1, max: 1 }))
      .map(([page, off]) => Math.min(Math.max(page * pageBytes + off, 0), total));
    const ends = fc.oneof(offset, nearPage);
    fc.assert(
      fc.property(ends, ends, (a, b) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        bytes.fill(FILLING);
        reclaim(buffer, from, to - from);
        const expected = Buffer.alloc(total, FILLING);
        const firstPage = Math.ceil(from / pageBytes) * pageBytes;
        const endOfLast = Math.floor(to / pageBytes) * pageBytes;
        if (firstPage < endOfLast) expected.fill(0, firstPage, endOfLast);
        expect(Buffer.compare(Buffer.from(buffer), expected)).toBe(0);
      }),
    );
  });
});
