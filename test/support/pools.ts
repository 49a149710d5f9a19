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
  const spec = { ...SPEC, ...options } as PoolOptions<E>;
  const slab = new Slab(new SharedArrayBuffer(slabBytesFor([spec])));
  return BufferPool.create({ slab, ...spec });
}

export function catchError(action: () => unknown): Error {
  try {
    action();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}
