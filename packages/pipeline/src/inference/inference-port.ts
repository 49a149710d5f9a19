/**
 * The port to ONNX Runtime: what the pipeline needs of it, and nothing else.
 *
 * Two implementations: `c-api.ts` (ORT's C API through an FFI) and `node-binding.ts` (the
 * onnxruntime-node binding). `test/conformance` runs one suite on both and tests each claim of
 * {@link InferenceCapabilities}, the missing ones too.
 */

export interface InferenceCapabilities {
  /** A run leaves the event loop free, and runs of several bindings overlap. */
  readonly asynchronous: boolean;
  /** Feeds and fetches are read and written where they lie, shared memory included. */
  readonly zeroCopy: boolean;
  /** An aborted run stops within tens of milliseconds; otherwise it ends first and then rejects. */
  readonly terminable: boolean;
  /** Sessions can have weights in common: {@link InferenceEngine.shareWeights} answers some. */
  readonly sharesWeights: boolean;
}

export type TensorData = Float32Array | Uint16Array | Int32Array | BigInt64Array | Uint8Array;

/** A dense row-major tensor over memory that its owner keeps alive while it is bound. */
export interface Tensor {
  /** Float32Array float32, Uint16Array float16, Int32Array int32, BigInt64Array int64, Uint8Array uint8. */
  readonly data: TensorData;
  readonly shape: readonly number[];
}

export type TensorElementType = 'float32' | 'float16' | 'int32' | 'int64' | 'uint8';

export interface TensorSpec {
  readonly name: string;
  readonly elementType: TensorElementType;
  readonly shape: readonly number[];
}

/** A graph without its weights. */
export interface ModelGraph {
  /** Serialised ONNX ModelProto. */
  readonly bytes: Uint8Array;
  /** Folder that the locations of its external data are relative to. */
  readonly weightsFolder: string;
}

/** A model in a file, graph and all: what an execution provider compiled and wrote down. */
export interface ModelFile {
  readonly file: string;
}

/** Hardware that ONNX Runtime asks to take nodes of a graph before the CPU gets the rest. */
export interface ExecutionProvider {
  readonly name: 'VitisAI' | 'CUDA' | 'WebGPU';
  /** In the provider's own words: `cache_dir`, `device_id`. */
  readonly options: Readonly<Record<string, string>>;
}

/**
 * Weights that several sessions read in one place: a tensor that lies in a file is mapped once, and
 * packed for the processor once, however many graphs use it.
 */
export interface SharedWeights {
  /** Once every session that was made with them is released. */
  release(): void;
}

export interface SessionOptions {
  /** CPU threads that one run may use. */
  readonly intraOpThreads: number;
  /** The CPU alone unless given. */
  readonly executionProvider?: ExecutionProvider;
  /** ONNX Runtime's own settings of a session: `ep.context_enable`. */
  readonly configEntries?: Readonly<Record<string, string>>;
  /** Shares its weights with the other sessions that are given the same; in files only of graphs. */
  readonly sharedWeights?: SharedWeights | undefined;
}

/** Runs a session on fixed memory as often as wanted; one run at a time. */
export interface Binding extends Disposable {
  /**
   * Reads the feeds, computes, writes the fetches.
   *
   * @throws InferenceError `run_failed`; `aborted` when `signal` fired; `busy` while another run
   *   of this binding is under way.
   */
  run(options?: { readonly signal?: AbortSignal }): Promise<void>;
}

export interface InferenceSession {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** ONNX Runtime's name of the execution provider that was appended: `CPUExecutionProvider`. */
  readonly executionProvider: string;
  /**
   * Binds every input and output to memory. The same memory may be bound as an input and as an
   * output of one run where the graph updates it in place.
   *
   * @throws InferenceError `invalid_tensor` when a name, a type or a shape does not fit.
   */
  bind(feeds: Readonly<Record<string, Tensor>>, fetches: Readonly<Record<string, Tensor>>): Binding;
  /** Waits for runs under way, then frees the session. Bindings must not be used after. */
  release(): Promise<void>;
}

export interface InferenceEngine {
  readonly name: 'c-api' | 'node-binding';
  /** Version of the ONNX Runtime library that is loaded. */
  readonly version: string;
  readonly capabilities: InferenceCapabilities;
  /** ONNX Runtime's names of the execution providers that sessions of this engine may ask for. */
  readonly providers: readonly string[];
  /**
   * @throws InferenceError `invalid_model` when the graph or its weights cannot be loaded;
   *   `provider_failed` when the execution provider does not take the session's options.
   */
  createSession(model: ModelGraph | ModelFile, options: SessionOptions): Promise<InferenceSession>;
  /** Undefined where sessions cannot share weights: each then has its own. */
  shareWeights(): SharedWeights | undefined;
}

export type InferenceErrorCode =
  | 'unavailable'
  | 'provider_failed'
  | 'invalid_model'
  | 'invalid_tensor'
  | 'run_failed'
  | 'aborted'
  | 'busy';

export class InferenceError extends Error {
  readonly code: InferenceErrorCode;

  constructor(code: InferenceErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'InferenceError';
    this.code = code;
  }
}
