/** Copies of a model folder with its weights in another type and in several files. */

import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSafetensorsHeader } from '../../packages/pipeline/src/model/safetensors.ts';

export type WeightType = 'F32' | 'F16' | 'BF16';

export interface RewriteOptions {
  readonly type: WeightType;
  /** Files that the weights are split into; one without an index where it is 1. */
  readonly shards: number;
}

/** Copies the folder's other files and writes its float16 weights anew. */
export async function rewriteModel(
  from: string,
  to: string,
  { type, shards }: RewriteOptions,
): Promise<void> {
  for (const name of readdirSync(from).filter((file) => file.endsWith('.json'))) {
    copyFileSync(join(from, name), join(to, name));
  }
  const tensors = [...(await readTensors(join(from, 'model.safetensors')))];
  const weightMap: Record<string, string> = {};
  for (let shard = 0; shard < shards; shard++) {
    const fileName = shards === 1 ? 'model.safetensors' : shardName(shard + 1, shards);
    const part = tensors.filter((_, index) => index % shards === shard);
    for (const [name] of part) weightMap[name] = fileName;
    const converted = part.map(([name, tensor]) => [name, convert(tensor, type)] as const);
    writeFileSync(join(to, fileName), toSafetensors(new Map(converted)));
  }
  if (shards > 1) writeIndex(to, weightMap);
}

export function shardName(number: number, count: number): string {
  return `model-${String(number).padStart(5, '0')}-of-${String(count).padStart(5, '0')}.safetensors`;
}

export function writeIndex(folder: string, weightMap: Readonly<Record<string, string>>): void {
  const index = { metadata: {}, weight_map: weightMap };
  writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify(index));
}

export interface RawTensor {
  readonly type: string;
  readonly shape: readonly number[];
  readonly bytes: Buffer;
}

export function toSafetensors(tensors: ReadonlyMap<string, RawTensor>): Buffer {
  const header: Record<string, object> = { __metadata__: { format: 'pt' } };
  let offset = 0;
  for (const [name, { type, shape, bytes }] of tensors) {
    header[name] = { dtype: type, shape, data_offsets: [offset, offset + bytes.length] };
    offset += bytes.length;
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, ...[...tensors.values()].map(({ bytes }) => bytes)]);
}

async function readTensors(path: string): Promise<Map<string, RawTensor>> {
  const file = readFileSync(path);
  const tensors = new Map<string, RawTensor>();
  for (const [name, { type, shape, offset, length }] of await readSafetensorsHeader(path)) {
    tensors.set(name, { type, shape, bytes: file.subarray(offset, offset + length) });
  }
  return tensors;
}

function convert({ type, shape, bytes }: RawTensor, to: WeightType): RawTensor {
  if (type !== 'F16') throw new Error(`rewrites float16 weights, not ${type}`);
  if (to === 'F16') return { type, shape, bytes };
  const float32 = Buffer.alloc(bytes.length * 2);
  for (let at = 0; at < bytes.length; at += 2) {
    float32.writeFloatLE(float16ToNumber(bytes.readUInt16LE(at)), at * 2);
  }
  return { type: to, shape, bytes: to === 'F32' ? float32 : toBfloat16(float32) };
}

/** IEEE 754 binary16: 1 bit sign, 5 bits exponent biased by 15, 10 bits fraction. */
function float16ToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The upper half of a float32, rounded to the nearest, to the even one of two. */
function toBfloat16(float32: Buffer): Buffer {
  const halves = Buffer.alloc(float32.length / 2);
  for (let at = 0; at < float32.length; at += 4) {
    const bits = float32.readUInt32LE(at);
    halves.writeUInt16LE((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16, at / 2);
  }
  return halves;
}
