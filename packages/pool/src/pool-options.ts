/** The options of a pool, checked. */

import { type ElementType, isElementType } from './element-type.ts';
import { MAX_SLOTS } from './free-list.ts';
import type { Leak } from './leak.ts';
import { PoolError } from './pool-error.ts';
import type { Slab } from './slab.ts';

/** What a pool takes up, before there is a slab. */
export interface PoolSpec<E extends ElementType = ElementType> {
  /** Stands in errors and statistics. */
  readonly name: string;
  readonly elementType: E;
  /** Shape of what a slot holds, row-major. */
  readonly shape: readonly number[];
  /** Slots that are committed at the start. */
  readonly initial: number;
  /** Slots that there are ever: at most 4,095. */
  readonly max: number;
}

/** What is the same for all threads of a pool: they find it in its handle. */
export interface PoolRules {
  /**
   * What a slot holds after its release: what its holder left there (the default), zeros, or a
   * pattern that the next acquire checks, so that a write after release is found.
   */
  readonly onRelease?: 'keep' | 'zero' | 'poison' | undefined;
  /** A lease that is older counts as leaked; never unless given. */
  readonly maxLeaseMs?: number | undefined;
}

/** What each thread of a pool has for itself. */
export interface ThreadOptions {
  /**
   * Milliseconds since the `performance.timeOrigin` of the thread that created the pool, on a clock
   * that never goes back; `performance.now` unless given, in other threads by the same origin.
   */
  readonly now?: () => number;
  /** Keeps the stack of each acquire, and notices leases that are collected without a release. */
  readonly traceLeaks?: boolean;
  /** Is told of each leaked lease, once; a warning of the process unless given. */
  readonly onLeak?: (leak: Leak) => void;
  /**
   * Gives the memory of an idle slot back to the system; it reads as zero or as it was after. Only
   * called for whole pages, thus not where slots are smaller than a page.
   */
  readonly reclaim?: (buffer: SharedArrayBuffer, byteOffset: number, length: number) => void;
}

/** How a pool behaves. */
export interface PoolBehaviour extends PoolRules, ThreadOptions {}

/** All that a new pool needs. */
export interface PoolOptions<E extends ElementType = ElementType>
  extends PoolSpec<E>,
    PoolBehaviour {
  readonly slab: Slab;
}

const SPEC_KEYS = ['name', 'elementType', 'shape', 'initial', 'max'];
const RULE_KEYS = ['onRelease', 'maxLeaseMs'];
const THREAD_KEYS = ['now', 'traceLeaks', 'onLeak', 'reclaim'];
const RELEASES: readonly unknown[] = [undefined, 'keep', 'zero', 'poison'];

/** What of the options is whose. */
export function partsOf<E extends ElementType>(options: PoolSpec<E> & PoolBehaviour) {
  const { name, elementType, shape, initial, max, onRelease, maxLeaseMs, ...thread } = options;
  const spec: PoolSpec<E> = { name, elementType, shape, initial, max };
  const rules: PoolRules = { onRelease, maxLeaseMs };
  return { spec, rules, thread };
}

/** @throws PoolError `invalid_option` that names the option. */
export function checkPool(spec: PoolSpec, rules: PoolRules): void {
  refuseUnknown(spec, SPEC_KEYS);
  refuseUnknown(rules, RULE_KEYS);
  const { name, elementType, shape, initial, max } = spec;
  if (typeof name !== 'string' || name === '') refuse('name must be a word');
  if (!isElementType(elementType)) refuse(`${name}: unknown elementType '${elementType}'`);
  checkShape(name, shape);
  if (!isCount(max, 1) || max > MAX_SLOTS) refuse(`${name}: max must lie in 1..${MAX_SLOTS}`);
  if (!isCount(initial, 0) || initial > max) refuse(`${name}: initial must lie in 0..max`);
  const { onRelease, maxLeaseMs } = rules;
  if (!RELEASES.includes(onRelease)) refuse(`${name}: onRelease is keep, zero or poison`);
  if (maxLeaseMs !== undefined && !(maxLeaseMs > 0)) refuse(`${name}: maxLeaseMs must be positive`);
}

/** @throws PoolError `invalid_option` for one that there is not. */
export function checkThread(thread: ThreadOptions): void {
  refuseUnknown(thread, THREAD_KEYS);
}

/** @throws PoolError `invalid_option`. */
export function checkShape(name: string, shape: unknown): void {
  if (!Array.isArray(shape) || shape.length === 0 || !shape.every((n) => isCount(n, 1))) {
    refuse(`${name}: shape must be a list of positive integers`);
  }
}

/** Elements of a slot. */
export function slotLength({ shape }: Pick<PoolSpec, 'shape'>): number {
  return shape.reduce((product, size) => product * size, 1);
}

function refuseUnknown(options: object, known: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) refuse(`there is no option '${key}'`);
  }
}

function isCount(value: unknown, least: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least;
}

function refuse(reason: string): never {
  throw new PoolError('invalid_option', reason);
}
