/** How each element type of the port is called in ONNX and held in JavaScript. */

import type { TensorData, TensorElementType } from './inference-port.ts';

/** Number of the type in ONNX's TensorProto.DataType and in ORT's C API. */
export const ONNX_NUMBERS = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  float16: 10,
} as const satisfies Readonly<Record<TensorElementType, number>>;

const TYPES_BY_NUMBER = new Map<number, TensorElementType>(
  Object.entries(ONNX_NUMBERS).map(([type, number]) => [number, type as TensorElementType]),
);

export function elementTypeOfNumber(number: number): TensorElementType | undefined {
  return TYPES_BY_NUMBER.get(number);
}

export function isElementType(name: string): name is TensorElementType {
  return Object.hasOwn(ONNX_NUMBERS, name);
}

export function elementTypeOf(data: TensorData): TensorElementType {
  if (data instanceof Float32Array) return 'float32';
  if (data instanceof Uint16Array) return 'float16';
  if (data instanceof Int32Array) return 'int32';
  if (data instanceof BigInt64Array) return 'int64';
  return 'uint8';
}
