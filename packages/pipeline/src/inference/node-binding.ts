/** The inference port over the onnxruntime-node binding: it blocks, copies and cannot be stopped. */

import type * as OnnxRuntimeNode from 'onnxruntime-node';
import { isElementType } from './element-types.ts';
import { abortedError, busyError, disposedError, messageOf } from './inference-errors.ts';
import {
  type Binding,
  type InferenceEngine,
  InferenceError,
  type InferenceSession,
  type ModelFile,
  type ModelGraph,
  type SessionOptions,
  type Tensor,
  type TensorSpec,
} from './inference-port.ts';
import { loadOnce } from './load-once.ts';
import { DYNAMIC_DIMENSION, matchTensors, type NamedTensor } from './match-tensors.ts';
import { packagedLibraryPath } from './packaged-library.ts';
import { RunGate } from './run-gate.ts';

type OnnxRuntime = typeof OnnxRuntimeNode;

/** @throws InferenceError `unavailable` when the binding cannot be loaded. */
export async function openNodeBinding(): Promise<InferenceEngine> {
  loadOnce(packagedLibraryPath(), () => undefined);
  try {
    const ort = await import('onnxruntime-node');
    // All but fatal messages come back as the message of an InferenceError.
    ort.env.logLevel = 'fatal';
    return new NodeBindingEngine(ort);
  } catch (cause) {
    const message = `onnxruntime-node cannot be used: ${messageOf(cause)}`;
    throw new InferenceError('unavailable', message, { cause });
  }
}

class NodeBindingEngine implements InferenceEngine {
  readonly name = 'node-binding';
  readonly version: string;
  readonly capabilities = {
    asynchronous: false,
    zeroCopy: false,
    terminable: false,
    sharesWeights: false,
  };
  readonly providers = ['CPUExecutionProvider'];
  readonly #ort: OnnxRuntime;

  constructor(ort: OnnxRuntime) {
    this.#ort = ort;
    this.version = ort.env.versions.node ?? 'unknown';
  }

  async createSession(
    model: ModelGraph | ModelFile,
    options: SessionOptions,
  ): Promise<InferenceSession> {
    if (options.executionProvider !== undefined) {
      const message = `The binding runs on the CPU; ${options.executionProvider.name} needs the C API`;
      throw new InferenceError('provider_failed', message);
    }
    try {
      const session = await this.#load(model, options);
      try {
        return new NodeBindingSession(this.#ort, session);
      } catch (error) {
        await session.release();
        throw error;
      }
    } catch (cause) {
      throw new InferenceError('invalid_model', messageOf(cause), { cause });
    }
  }

  shareWeights(): undefined {
    return undefined;
  }

  #load(
    model: ModelGraph | ModelFile,
    { intraOpThreads }: SessionOptions,
  ): Promise<OnnxRuntimeNode.InferenceSession> {
    const settings = {
      executionProviders: ['cpu'],
      intraOpNumThreads: intraOpThreads,
      interOpNumThreads: 1,
      logSeverityLevel: 4 as const,
      extra: { session: { intra_op: { allow_spinning: '0' } } },
    };
    if ('file' in model) return this.#ort.InferenceSession.create(model.file, settings);
    const { bytes, weightsFolder } = model;
    const extra = {
      session: {
        ...settings.extra.session,
        model_external_initializers_file_folder_path: weightsFolder,
      },
    };
    return this.#ort.InferenceSession.create(bytes, { ...settings, extra });
  }
}

class NodeBindingSession implements InferenceSession {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly executionProvider = 'CPUExecutionProvider';
  readonly #ort: OnnxRuntime;
  readonly #session: OnnxRuntimeNode.InferenceSession;
  readonly #gate = new RunGate();
  #released: Promise<void> | undefined;

  constructor(ort: OnnxRuntime, session: OnnxRuntimeNode.InferenceSession) {
    this.#ort = ort;
    this.#session = session;
    this.inputs = session.inputMetadata.map(tensorSpec);
    this.outputs = session.outputMetadata.map(tensorSpec);
  }

  bind(
    feeds: Readonly<Record<string, Tensor>>,
    fetches: Readonly<Record<string, Tensor>>,
  ): Binding {
    return new NodeBinding({
      session: this.#session,
      gate: this.#gate,
      feeds: matchTensors(this.inputs, feeds).map((feed) => stageFeed(this.#ort, feed)),
      fetches: matchTensors(this.outputs, fetches),
    });
  }

  release(): Promise<void> {
    this.#released ??= this.#gate.close().then(() => this.#session.release());
    return this.#released;
  }
}

interface NodeBindingParts {
  readonly session: OnnxRuntimeNode.InferenceSession;
  readonly gate: RunGate;
  readonly feeds: readonly StagedFeed[];
  readonly fetches: readonly NamedTensor[];
}

class NodeBinding implements Binding {
  readonly #parts: NodeBindingParts;
  readonly #feeds: Readonly<Record<string, OnnxRuntimeNode.Tensor>>;
  #running = false;
  #disposed = false;

  constructor(parts: NodeBindingParts) {
    this.#parts = parts;
    this.#feeds = Object.fromEntries(parts.feeds.map(({ name, staged }) => [name, staged]));
  }

  async run({ signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (signal?.aborted) throw abortedError(signal);
    if (this.#running) throw busyError();
    if (this.#disposed) throw disposedError();
    const { session, gate, feeds, fetches } = this.#parts;
    gate.enter();
    this.#running = true;
    try {
      for (const { stage } of feeds) stage();
      const results = await session.run(this.#feeds);
      for (const { name, tensor } of fetches) copyBytes(results[name]?.data, tensor.data);
    } catch (cause) {
      throw new InferenceError('run_failed', messageOf(cause), { cause });
    } finally {
      this.#running = false;
      gate.leave();
    }
    if (signal?.aborted) throw abortedError(signal);
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
  }
}

interface StagedFeed {
  readonly name: string;
  readonly staged: OnnxRuntimeNode.Tensor;
  /** Brings what the binding reads up to date with the bound memory. */
  stage(): void;
}

/** The binding reads unshared memory where it lies; shared memory it refuses, so that is copied. */
function stageFeed(ort: OnnxRuntime, { name, elementType, tensor }: NamedTensor): StagedFeed {
  const { data, shape } = tensor;
  const isShared = data.buffer instanceof SharedArrayBuffer;
  const read = isShared ? data.slice() : data;
  return {
    name,
    staged: new ort.Tensor(elementType, read, shape),
    stage: () => {
      if (isShared) copyBytes(data, read);
    },
  };
}

function copyBytes(source: unknown, target: ArrayBufferView): void {
  if (!ArrayBuffer.isView(source) || source.byteLength !== target.byteLength) {
    throw new TypeError('The result has another size than the memory that is bound for it');
  }
  bytesOf(target).set(bytesOf(source));
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function tensorSpec(metadata: OnnxRuntimeNode.InferenceSession.ValueMetadata): TensorSpec {
  const { name } = metadata;
  if (!metadata.isTensor) throw new Error(`${name}: only tensors are supported`);
  if (!isElementType(metadata.type)) {
    throw new Error(`${name}: element type ${metadata.type} is not supported`);
  }
  const shape = metadata.shape.map((size) => (typeof size === 'number' ? size : DYNAMIC_DIMENSION));
  return { name, elementType: metadata.type, shape };
}
