import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  BLOCK_SIZE,
  quantiseBlocks,
  ZERO_CODE,
} from '../../packages/pipeline/src/model/block-quantisation.ts';

function quantise(weights: Float32Array) {
  const codes = new Uint8Array(weights.length);
  const scales = new Float32Array(weights.length / BLOCK_SIZE);
  quantiseBlocks(weights, codes, scales);
  return { codes, scales };
}

function block(...weights: readonly number[]): Float32Array {
  const whole = new Float32Array(BLOCK_SIZE);
  whole.set(weights);
  return whole;
}

test('the greatest magnitude of a block is 127 steps from zero, on its side', () => {
  const { codes, scales } = quantise(block(1.27, -0.635, 0.01, 0.0149, -0.0151));
  expect(scales).toEqual(Float32Array.of(0.01));
  expect([...codes.subarray(0, 6)]).toEqual([255, 64, 129, 129, 126, 128]);
  expect(quantise(block(0.3, -254)).codes.subarray(0, 2)).toEqual(Uint8Array.of(128, 1));
});

test('each block has a scale of its own', () => {
  const weights = new Float32Array(3 * BLOCK_SIZE);
  weights[0] = 127;
  weights[BLOCK_SIZE] = 12.7;
  const { codes, scales } = quantise(weights);
  expect(scales).toEqual(Float32Array.of(1, Math.fround(12.7) / 127, 0));
  expect(codes[0]).toBe(255);
  expect(codes[BLOCK_SIZE]).toBe(255);
});

test('a block of zeros stays one', () => {
  const { codes, scales } = quantise(new Float32Array(BLOCK_SIZE));
  expect(scales).toEqual(Float32Array.of(0));
  expect(codes.every((code) => code === ZERO_CODE)).toBe(true);
});

test('no weight is further from its code than half a step', () => {
  const weight = fc.float({ min: -1e3, max: 1e3, noNaN: true });
  const blocks = fc.array(weight, { minLength: BLOCK_SIZE, maxLength: BLOCK_SIZE });
  fc.assert(
    fc.property(blocks, (values) => {
      const weights = Float32Array.from(values);
      const { codes, scales } = quantise(weights);
      const [scale = 0] = scales;
      weights.forEach((value, i) => {
        const restored = ((codes[i] ?? 0) - ZERO_CODE) * scale;
        expect(Math.abs(restored - value)).toBeLessThanOrEqual(scale * 0.5001);
      });
    }),
  );
});
