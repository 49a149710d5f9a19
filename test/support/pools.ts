/** Small pools over memory of their own, and what goes wrong with them. */

import {
  BufferPool,
  type ElementType,
  type PoolOptions,
  Slab,
  slabBytesFor,
} from '../../packages/pool/src/index.ts';

export const SPEC = {
  name: 'mel',
  elementType: 'float32',
  shape: [80, 30],
  initial: 1,
  max: 3,
} as const;

/** A pool of {@link SPEC}, but for `options`. */
export function createPool<E extends ElementType = 'float32'>(
  options: Partial<PoolOptions<E>> = {},
): BufferPool<E> {
  const spec = { ...SPEC, ...options } as Omit<PoolOptions<E>, 'slab'>;
  const { name, elementType, shape, initial, max } = spec;
  const bytes = slabBytesFor([{ name, elementType, shape, initial, max }]);
  // Options that are wrong may say no size: they are refused before the slab is asked.
  const slab = new Slab(new SharedArrayBuffer(Math.max(bytes, 0)));
  return BufferPool.create({ ...spec, slab });
}

export function catchError(action: () => unknown): Error {
  try {
    action();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}
