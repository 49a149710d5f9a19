/** Memory is set apart once, aligned, and never beyond the slab's end. */

import { expect, test } from 'vitest';
import { Slab } from '../../packages/pool/src/index.ts';
import { allocatedBytes } from '../../packages/pool/src/slab.ts';

test('reserves one span after the other, aligned by size or as asked', () => {
  const slab = new Slab(new SharedArrayBuffer(40_960));
  expect(slab.reserve(10)).toBe(0);
  expect(slab.reserve(10)).toBe(64);
  expect(slab.reserve(4096)).toBe(4096);
  expect(slab.reserve(1, 1)).toBe(8192);
  expect(slab.reserve(4, 16)).toBe(8208);
  expect(slab.bytesReserved).toBe(8212);
  expect(slab.bytesTotal).toBe(40_960);
});

test('is full at its last byte', () => {
  const slab = new Slab(new SharedArrayBuffer(4096));
  expect(slab.reserve(4032)).toBe(0);
  const full = expect.objectContaining({ code: 'slab_full' });
  expect(() => slab.reserve(65)).toThrow(full);
  expect(() => slab.reserve(65)).toThrow('65 bytes do not fit: 64 of 4096 are left');
  expect(slab.reserve(64)).toBe(4032);
  expect(() => slab.reserve(1)).toThrow(full);
});

test('is allocated as a shared WebAssembly.Memory of whole pages', () => {
  const slab = Slab.allocate(65_537);
  expect(slab.bytesTotal).toBe(131_072);
  expect(slab.buffer).toBeInstanceOf(SharedArrayBuffer);
  expect(slab.memory?.buffer).toBe(slab.buffer);
});

test('says what it would take: whole pages as far as WebAssembly goes, bytes beyond', () => {
  for (const bytes of [1, 65_536, 65_537]) {
    expect(allocatedBytes(bytes)).toBe(Slab.allocate(bytes).bytesTotal);
  }
  expect(allocatedBytes(2 ** 32 - 1)).toBe(2 ** 32);
  expect(allocatedBytes(2 ** 32)).toBe(2 ** 32);
  expect(allocatedBytes(2 ** 32 + 1)).toBe(2 ** 32 + 1);
});

test('refuses memory that is not shared, and sizes that cannot be', () => {
  const invalid = expect.objectContaining({ code: 'invalid_option' });
  expect(() => new Slab({ buffer: new ArrayBuffer(8) })).toThrow(invalid);
  expect(() => Slab.allocate(0)).toThrow(invalid);
  expect(() => Slab.allocate(Number.NaN)).toThrow(invalid);
  const slab = Slab.allocate(1);
  for (const bytes of [0, -1, 1.5]) expect(() => slab.reserve(bytes)).toThrow(invalid);
  for (const alignment of [0, 3, -4]) expect(() => slab.reserve(8, alignment)).toThrow(invalid);
});

test('goes beyond what WebAssembly can address', () => {
  expect(Slab.allocate(2 ** 32).memory).not.toBeNull();
  const slab = Slab.allocate(2 ** 32 + 1);
  expect(slab.memory).toBeNull();
  expect(slab.bytesTotal).toBe(2 ** 32 + 1);
});
