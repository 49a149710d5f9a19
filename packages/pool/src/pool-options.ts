/** The options of a pool, checked, and what follows from them. */

import { bytesPerElement, type ElementType, isElementType } from './element-type.ts';
import { PoolError } from './pool-error.ts';
import { alignmentOf, PAGE_BYTES, roundUp, type Slab } from './slab.ts';

/** What a pool takes up, before there is a slab. */
export interface PoolSpec<E extends ElementType = ElementType> {
  /** Stands in errors and statistics. */
  readonly name: string;
  readonly elementType: E;
  /** Shape of what a slot holds, row-major. */
  readonly shape: readonly number[];
  /** Slots that are committed at the start. */
  readonly initial: number;
  /** Slots that there are ever. */
  readonly max: number;
}

export interface PoolOptions<E extends ElementType = ElementType> extends PoolSpec<E> {
  readonly slab: Slab;
  /** Milliseconds on a clock that never goes back; `performance.now` unless given. */
  readonly now?: () => number;
}

const SPEC_KEYS = ['name', 'elementType', 'shape', 'initial', 'max'];
const OPTION_KEYS = [...SPEC_KEYS, 'slab', 'now'];

/** @throws PoolError `invalid_option` that names the option. */
export function checkOptions(options: PoolOptions): void {
  for (const key of Object.keys(options)) {
    if (!OPTION_KEYS.includes(key)) refuse(`there is no option '${key}'`);
  }
  const { name, elementType, shape, initial, max } = options;
  if (typeof name !== 'string' || name === '') refuse('name must be a word');
  if (!isElementType(elementType)) refuse(`${name}: unknown elementType '${elementType}'`);
  if (!Array.isArray(shape) || shape.length === 0 || !shape.every((n) => isCount(n, 1))) {
    refuse(`${name}: shape must be a list of positive integers`);
  }
  if (!isCount(max, 1)) refuse(`${name}: max must be a positive integer`);
  if (!isCount(initial, 0) || initial > max) refuse(`${name}: initial must lie in 0..max`);
}

export function slotLength({ shape }: Pick<PoolSpec, 'shape'>): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Bytes from one slot to the next. */
export function slotStrideBytes({ elementType, shape }: Pick<PoolSpec, 'elementType' | 'shape'>) {
  const bytes = slotLength({ shape }) * bytesPerElement(elementType);
  return roundUp(bytes, alignmentOf(bytes));
}

/**
 * Bytes of a slab in which all these pools fit at their maxima, in any order. Whoever else reserves
 * in the slab adds its own bytes, rounded up to pages.
 */
export function slabBytesFor(specs: Iterable<PoolSpec>): number {
  let bytes = 0;
  for (const spec of specs) bytes += roundUp(slotStrideBytes(spec) * spec.max, PAGE_BYTES);
  return bytes;
}

function isCount(value: unknown, least: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least;
}

function refuse(reason: string): never {
  throw new PoolError('invalid_option', reason);
}
