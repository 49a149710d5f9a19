/** Loads a libonnxruntime and calls the functions of its OrtApi table. */

import koffi from 'koffi';
import { type Address, OutPointer } from './native-memory.ts';

/**
 * 1.21 is the first release that knows `session.model_external_initializers_file_folder_path`, and
 * nothing here needs a later one. A library serves every version up to its own (tried: 1.23.2 and
 * 1.30.0), so asking for no more than is needed admits most vendors' builds.
 */
const ORT_API_VERSION = 21;

const POINTER_BYTES = 8;
const NATIVE_TYPES = {
  pointer: 'void *',
  string: 'str',
  /** ORTCHAR_T, which is wide on Windows. */
  path: process.platform === 'win32' ? 'str16' : 'str',
  int: 'int',
  size: 'size_t',
} as const;

/**
 * Positions in OrtApi and parameters of the functions that answer an OrtStatus, from Microsoft's
 * public onnxruntime_c_api.h. The table is append-only: a position never changes.
 */
const STATUS_FUNCTIONS = {
  CreateEnv: [3, 'int', 'string', 'pointer'],
  CreateSession: [7, 'pointer', 'path', 'pointer', 'pointer'],
  CreateSessionFromArray: [8, 'pointer', 'pointer', 'size', 'pointer', 'pointer'],
  Run: [9, 'pointer', 'pointer', 'pointer', 'pointer', 'size', 'pointer', 'size', 'pointer'],
  CreateSessionOptions: [10, 'pointer'],
  DisableMemPattern: [17, 'pointer'],
  SetIntraOpNumThreads: [24, 'pointer', 'int'],
  SetInterOpNumThreads: [25, 'pointer', 'int'],
  SessionGetInputCount: [30, 'pointer', 'pointer'],
  SessionGetOutputCount: [31, 'pointer', 'pointer'],
  SessionGetInputTypeInfo: [33, 'pointer', 'size', 'pointer'],
  SessionGetOutputTypeInfo: [34, 'pointer', 'size', 'pointer'],
  SessionGetInputName: [36, 'pointer', 'size', 'pointer', 'pointer'],
  SessionGetOutputName: [37, 'pointer', 'size', 'pointer', 'pointer'],
  CreateRunOptions: [39, 'pointer'],
  RunOptionsSetTerminate: [46, 'pointer'],
  RunOptionsUnsetTerminate: [47, 'pointer'],
  CreateTensorWithDataAsOrtValue: [
    49,
    'pointer',
    'pointer',
    'size',
    'pointer',
    'size',
    'int',
    'pointer',
  ],
  CastTypeInfoToTensorInfo: [55, 'pointer', 'pointer'],
  GetTensorElementType: [60, 'pointer', 'pointer'],
  GetDimensionsCount: [61, 'pointer', 'pointer'],
  GetDimensions: [62, 'pointer', 'pointer', 'size'],
  CreateCpuMemoryInfo: [69, 'int', 'int', 'pointer'],
  AllocatorFree: [76, 'pointer', 'pointer'],
  GetAllocatorWithDefaultOptions: [78, 'pointer'],
  GetAvailableProviders: [125, 'pointer', 'pointer'],
  ReleaseAvailableProviders: [126, 'pointer', 'int'],
  AddSessionConfigEntry: [130, 'pointer', 'string', 'string'],
  AddInitializer: [150, 'pointer', 'string', 'pointer'],
  CreatePrepackedWeightsContainer: [166, 'pointer'],
  CreateSessionFromArrayWithPrepackedWeightsContainer: [
    169,
    'pointer',
    'pointer',
    'size',
    'pointer',
    'pointer',
    'pointer',
  ],
  SessionOptionsAppendExecutionProvider: [216, 'pointer', 'string', 'pointer', 'pointer', 'size'],
  SessionOptionsAppendExecutionProvider_VitisAI: [276, 'pointer', 'pointer', 'pointer', 'size'],
} as const satisfies Readonly<Record<string, readonly [number, ...ParameterType[]]>>;

const RELEASE_FUNCTIONS = {
  ReleaseStatus: 93,
  ReleaseSession: 95,
  ReleaseValue: 96,
  ReleaseRunOptions: 97,
  ReleaseTypeInfo: 98,
  ReleaseSessionOptions: 100,
  ReleasePrepackedWeightsContainer: 167,
} as const;

const GET_ERROR_MESSAGE = 2;

type ParameterType = keyof typeof NATIVE_TYPES;
type StatusFunction = keyof typeof STATUS_FUNCTIONS;
type ReleaseFunction = keyof typeof RELEASE_FUNCTIONS;

type ArgumentFor<T> = T extends 'pointer' ? Address : T extends 'string' | 'path' ? string : number;
type ArgumentsFor<T extends readonly unknown[]> = { [K in keyof T]: ArgumentFor<T[K]> };
type ParametersOf<N extends StatusFunction> = (typeof STATUS_FUNCTIONS)[N] extends readonly [
  number,
  ...infer Parameters,
]
  ? Parameters
  : never;
export type ArgumentsOf<N extends StatusFunction> = ArgumentsFor<ParametersOf<N>>;
/** The arguments before the last, which is where the function writes its answer. */
type LeadingArgumentsOf<N extends StatusFunction> =
  ArgumentsOf<N> extends readonly [...infer Leading, Address] ? Leading : never;

type NativeValue = Address | number | string;
type Status = Address | null;
interface NativeStatusFunction {
  (...args: readonly NativeValue[]): Status;
  async(...args: readonly [...NativeValue[], (error: unknown, status: Status) => void]): void;
}

/** ONNX Runtime's own words for what went wrong. */
class OrtError extends Error {
  override readonly name = 'OrtError';
}

/** Functions do not keep their library loaded, and calls crash when its handle is collected. */
const handles: unknown[] = [];

/**
 * What calls under way read and write. JavaScript does not see that, so an entry here is what keeps
 * the memory from being collected.
 */
const inUse = new Set<{ readonly memory: object }>();

export class OrtLibrary {
  /** As `OrtGetVersionString` answers: `1.30.0`. */
  readonly version: string;
  readonly #handle: ReturnType<typeof koffi.load>;
  readonly #functions: Readonly<Record<StatusFunction, NativeStatusFunction>>;
  readonly #releases: Readonly<Record<ReleaseFunction, (object: Address) => void>>;
  readonly #errorMessage: (status: Address) => string;

  /** @throws Error when there is no ONNX Runtime library of `ORT_API_VERSION` at `path`. */
  constructor(path: string) {
    if (koffi.sizeof('void *') !== POINTER_BYTES) throw new Error('needs a 64-bit process');
    const handle = koffi.load(path);
    handles.push(handle);
    this.#handle = handle;

    const base: Address = handle.func('OrtGetApiBase', 'void *', [])();
    const getApi = functionAt(base, 0, 'void *', ['uint32_t']) as (version: number) => Status;
    const getVersion = functionAt(base, 1, 'str', []) as () => string;
    this.version = getVersion();
    const api = getApi(ORT_API_VERSION);
    if (api === null) {
      throw new Error(`ONNX Runtime ${this.version} has no C API ${ORT_API_VERSION}`);
    }

    this.#errorMessage = functionAt(api, GET_ERROR_MESSAGE, 'str', ['void *']) as (
      status: Address,
    ) => string;
    this.#functions = mapValues(STATUS_FUNCTIONS, ([position, ...parameters]) => {
      const types = parameters.map((parameter) => NATIVE_TYPES[parameter]);
      return functionAt(api, position, 'void *', types) as NativeStatusFunction;
    });
    this.#releases = mapValues(RELEASE_FUNCTIONS, (position) => {
      return functionAt(api, position, 'void', ['void *']) as (object: Address) => void;
    });
  }

  /** @throws OrtError */
  call<N extends StatusFunction>(name: N, ...args: ArgumentsOf<N>): void {
    this.#check(this.#functions[name](...(args as readonly NativeValue[])));
  }

  /**
   * @param memory What the call reads at the addresses that it is given; kept alive until it ends.
   * @throws OrtError
   */
  callHolding<N extends StatusFunction>(memory: object, name: N, ...args: ArgumentsOf<N>): void {
    const entry = { memory };
    inUse.add(entry);
    try {
      this.call(name, ...args);
    } finally {
      inUse.delete(entry);
    }
  }

  /**
   * Calls on a thread of libuv's pool, which has `UV_THREADPOOL_SIZE` (4) of them for all that a
   * process does this way: calls beyond that wait for their turn, and file reads wait with them.
   *
   * @param memory What the call reads and writes; it is kept alive until the call has ended.
   * @throws OrtError
   */
  callAsync<N extends StatusFunction>(
    name: N,
    args: ArgumentsOf<N>,
    memory: object,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const entry = { memory };
      this.#functions[name].async(...(args as readonly NativeValue[]), (error, status) => {
        inUse.delete(entry);
        try {
          if (error) throw error;
          this.#check(status);
          resolve();
        } catch (failure) {
          reject(failure);
        }
      });
      inUse.add(entry);
    });
  }

  /** Calls a function whose last parameter is an out-pointer and answers what it wrote there. */
  create<N extends StatusFunction>(name: N, ...args: LeadingArgumentsOf<N>): Address {
    const out = new OutPointer();
    this.#check(this.#functions[name](...(args as readonly NativeValue[]), out.address));
    return out.value;
  }

  /**
   * Calls a function that the library exports by its name, outside of the table.
   *
   * @throws OrtError; Error where the library has no such function.
   */
  callExported(name: string, types: readonly ParameterType[], ...args: readonly NativeValue[]) {
    const parameters = types.map((type) => NATIVE_TYPES[type]);
    this.#check(this.#handle.func(name, 'void *', parameters)(...args) as Status);
  }

  release(name: ReleaseFunction, object: Address): void {
    this.#releases[name](object);
  }

  #check(status: Status): void {
    if (status === null) return;
    const error = new OrtError(this.#errorMessage(status));
    this.#releases.ReleaseStatus(status);
    throw error;
  }
}

function functionAt(table: Address, position: number, result: string, parameters: string[]) {
  const address: Address = koffi.decode(table, position * POINTER_BYTES, 'void *');
  return koffi.decode(address, koffi.proto(result, parameters)) as unknown;
}

function mapValues<K extends string, V, R>(
  record: Readonly<Record<K, V>>,
  change: (value: V) => R,
): Record<K, R> {
  const entries = Object.entries<V>(record).map(([key, value]) => [key, change(value)]);
  return Object.fromEntries(entries) as Record<K, R>;
}
