import { expect, test } from 'vitest';
import { type FloatType, widenFloats } from '../../packages/pipeline/src/model/widen-floats.ts';

function widen(type: FloatType, bits: Uint16Array | Float32Array): Float32Array {
  const out = new Float32Array(bits.length);
  widenFloats(type, new Uint8Array(bits.buffer), out);
  return out;
}

test('halves: numbers, the smallest and greatest of each kind, zeros, infinities', () => {
  const bits = [0x3c00, 0xc000, 0x3555, 0x0001, 0x03ff, 0x0400, 0x7bff, 0x0000, 0x7c00, 0xfc00];
  const expected = [1, -2, 0.333251953125, 2 ** -24, 1023 * 2 ** -24, 2 ** -14, 65504, 0];
  expect([...widen('F16', Uint16Array.from(bits))]).toEqual([...expected, Infinity, -Infinity]);
  expect(Object.is(widen('F16', Uint16Array.of(0x8000))[0], -0)).toBe(true);
  expect(widen('F16', Uint16Array.of(0x7e00))[0]).toBeNaN();
});

test('bfloats are the upper half of a float32', () => {
  const bits = Uint16Array.of(0x3f80, 0xc000, 0x4049, 0x0080, 0x8000);
  expect([...widen('BF16', bits)]).toEqual([1, -2, 3.140625, 2 ** -126, -0]);
});

test('float32 stays as it is', () => {
  const values = Float32Array.of(1.5, -0.1, 3e38);
  expect(widen('F32', values)).toEqual(values);
});
