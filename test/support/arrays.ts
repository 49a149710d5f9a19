/** Reads reference arrays from files, and compares with them. */

import { readFileSync } from 'node:fs';

/** A file of raw little-endian float32. */
export function readFloat32(path: string): Float32Array {
  const bytes = readFileSync(path);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

/** A NumPy file (format 1) of float32 or float16, row-major, widened to float32. */
export function readNpy(path: string): Float32Array {
  const bytes = readFileSync(path);
  const dataOffset = 10 + bytes.readUInt16LE(8);
  const header = bytes.toString('latin1', 10, dataOffset);
  const data = bytes.buffer.slice(bytes.byteOffset + dataOffset, bytes.byteOffset + bytes.length);
  if (header.includes("'<f4'")) return new Float32Array(data);
  if (header.includes("'<f2'")) return Float32Array.from(new Uint16Array(data), float16ToNumber);
  throw new Error(`${path}: cannot read ${header}`);
}

function float16ToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

export interface Difference {
  readonly greatest: number;
  readonly mean: number;
}

/** Absolute differences of two arrays of one length. */
export function difference(actual: Float32Array, expected: Float32Array): Difference {
  if (actual.length !== expected.length) {
    throw new RangeError(`${actual.length} values against ${expected.length}`);
  }
  let greatest = 0;
  let sum = 0;
  for (let i = 0; i < expected.length; i++) {
    const d = Math.abs((actual[i] ?? NaN) - (expected[i] ?? NaN));
    if (!(d <= greatest)) greatest = d;
    sum += d;
  }
  return { greatest, mean: sum / expected.length };
}
