/** Floating-point numbers of 16 bits as float32, exactly. */

/** Bytes of one number, by the name that safetensors gives its type. */
export const FLOAT_BYTES = { F32: 4, F16: 2, BF16: 2 } as const;
export type FloatType = keyof typeof FLOAT_BYTES;

export function isFloatType(type: string): type is FloatType {
  return Object.hasOwn(FLOAT_BYTES, type);
}

/**
 * @param bytes little-endian numbers of `type`, beginning at a multiple of 4 in their buffer.
 * @param out as many float32.
 */
export function widenFloats(
  type: FloatType,
  { buffer, byteOffset }: Uint8Array,
  out: Float32Array,
): void {
  if (type === 'F32') out.set(new Float32Array(buffer, byteOffset, out.length));
  else if (type === 'F16') widenHalves(new Uint16Array(buffer, byteOffset, out.length), out);
  else widenBfloats(new Uint16Array(buffer, byteOffset, out.length), out);
}

/** A look-up of 256 KiB is four times as fast as computing each. */
function widenHalves(halves: Uint16Array, out: Float32Array): void {
  float32OfHalf ??= new Float32Array(1 << 16).map((_, bits) => toNumber(bits));
  for (let i = 0; i < halves.length; i++) out[i] = float32OfHalf[halves[i] ?? 0] ?? 0;
}

let float32OfHalf: Float32Array | undefined;

/** IEEE 754 binary16: sign, 5 bits of exponent, 10 of fraction. */
function toNumber(bits: number): number {
  const sign = bits >> 15 === 0 ? 1 : -1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The upper half of a float32. */
function widenBfloats(halves: Uint16Array, out: Float32Array): void {
  const bits = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < halves.length; i++) bits[i] = (halves[i] ?? 0) << 16;
}
