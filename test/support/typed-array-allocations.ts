/**
 * Counts typed arrays that the product's own code makes: memory and views of it alike. Constructors
 * and methods are replaced once, when this is imported, by ones that count and do the same. Import
 * it before anything else, `import '../support/typed-array-allocations.ts'`, and what is used of it
 * where it belongs.
 *
 * What Node.js makes of itself is not seen, nor is what a native library makes.
 */

const CONSTRUCTORS = [
  ...['Float32Array', 'Float64Array', 'Int8Array', 'Uint8Array', 'Uint8ClampedArray'],
  ...['Int16Array', 'Uint16Array', 'Int32Array', 'Uint32Array', 'BigInt64Array', 'BigUint64Array'],
  ...['ArrayBuffer', 'SharedArrayBuffer', 'DataView'],
];
const METHODS = ['subarray', 'slice', 'map', 'filter', 'toReversed', 'toSorted', 'with'];
const BUFFER_FUNCTIONS = ['alloc', 'allocUnsafe', 'allocUnsafeSlow', 'from', 'concat'];
/** Source or built, and nobody's tests. */
const OWN_CODE = /\/(?:packages|apps)\/\w+\/(?:src|dist)\/[^\s)]*/;
const THIS_FILE = /typed-array-allocations/;
const STACK_DEPTH = 12;

export interface TypedArrayAllocation {
  /** `Float32Array`, `subarray`, `Buffer.alloc` and so on. */
  readonly what: string;
  /** The line of the product that made it. */
  readonly where: string;
}

type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;
type Holder = Record<string, unknown>;

let counted: TypedArrayAllocation[] | null = null;

/** Runs `action`, and answers which typed arrays the product made meanwhile. */
export async function typedArraysMadeBy(
  action: () => unknown,
): Promise<readonly TypedArrayAllocation[]> {
  if (counted !== null) throw new Error('one count at a time');
  const made: TypedArrayAllocation[] = [];
  counted = made;
  try {
    await action();
  } finally {
    counted = null;
  }
  return made;
}

function count(what: string): void {
  if (counted === null) return;
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = STACK_DEPTH;
  const stack = new Error().stack ?? '';
  Error.stackTraceLimit = stackTraceLimit;
  // The innermost file that is neither this one nor Node.js decides whose it is.
  const caller = stack
    .split('\n')
    .slice(1)
    .find((line) => line.includes('/') && !THIS_FILE.test(line) && !line.includes('node:'));
  const [where] = OWN_CODE.exec(caller ?? '') ?? [];
  if (where !== undefined) counted.push({ what, where });
}

function countConstructor(name: string): void {
  const globals = globalThis as unknown as Holder;
  const original = globals[name] as new (...args: unknown[]) => object;
  globals[name] = new Proxy(original, {
    construct(target, args, newTarget) {
      count(name);
      return Reflect.construct(target, args, newTarget === globals[name] ? target : newTarget);
    },
  });
}

function countCalls(holder: object, name: string, what: string): void {
  const original = (holder as Holder)[name] as AnyFunction;
  Object.defineProperty(holder, name, {
    configurable: true,
    writable: true,
    value(this: unknown, ...args: unknown[]) {
      count(what);
      return original.apply(this, args);
    },
  });
}

for (const name of BUFFER_FUNCTIONS) countCalls(Buffer, name, `Buffer.${name}`);
for (const name of ['subarray', 'slice']) countCalls(Buffer.prototype, name, name);
for (const name of METHODS) countCalls(Object.getPrototypeOf(Float32Array.prototype), name, name);
for (const name of CONSTRUCTORS) countConstructor(name);
