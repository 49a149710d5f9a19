/** Runs a session of the C API on memory that was bound once. */

import { ONNX_NUMBERS } from './element-types.ts';
import { abortedError, busyError, disposedError, messageOf } from './inference-errors.ts';
import { type Binding, InferenceError } from './inference-port.ts';
import type { NamedTensor } from './match-tensors.ts';
import { type Address, addressOf, cString, pointerTable } from './native-memory.ts';
import type { OrtEnvironment } from './ort-environment.ts';
import type { ArgumentsOf } from './ort-library.ts';
import type { RunGate } from './run-gate.ts';

interface BindingParts {
  readonly session: Address;
  readonly gate: RunGate;
  readonly feeds: readonly NamedTensor[];
  readonly fetches: readonly NamedTensor[];
  readonly onDispose: (binding: CApiBinding) => void;
}

/**
 * Everything that `Run` points to is made here, so that a run itself allocates a promise and
 * little else.
 *
 * ORT's IoBinding would save the tables below, but copies inputs when they are bound, not when
 * they are used, where an execution provider has memory of its own. With 12 inputs and 12 outputs
 * of 64 floats a run takes 34 us this way and 33 us with IoBinding; 27 us of both are the way to
 * another thread and back (2-core x64, Node 20).
 */
export class CApiBinding implements Binding {
  readonly #ort: OrtEnvironment;
  readonly #gate: RunGate;
  readonly #onDispose: (binding: CApiBinding) => void;
  /** Views whose addresses native code holds. */
  readonly #memory: ArrayBufferView[] = [];
  readonly #values: Address[] = [];
  readonly #runOptions: Address;
  readonly #runArguments: ArgumentsOf<'Run'>;
  #running = false;
  #disposed = false;

  constructor(ort: OrtEnvironment, { session, gate, feeds, fetches, onDispose }: BindingParts) {
    this.#ort = ort;
    this.#gate = gate;
    this.#onDispose = onDispose;
    this.#runOptions = ort.library.create('CreateRunOptions');
    try {
      this.#runArguments = [
        session,
        this.#runOptions,
        this.#nameTable(feeds),
        this.#valueTable(feeds),
        feeds.length,
        this.#nameTable(fetches),
        fetches.length,
        this.#valueTable(fetches),
      ];
    } catch (cause) {
      this.#free();
      throw new InferenceError('invalid_tensor', messageOf(cause), { cause });
    }
  }

  async run({ signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (signal?.aborted) throw abortedError(signal);
    if (this.#running) throw busyError();
    if (this.#disposed) throw disposedError();
    this.#gate.enter();
    this.#running = true;

    const { library } = this.#ort;
    const terminate = () => library.call('RunOptionsSetTerminate', this.#runOptions);
    signal?.addEventListener('abort', terminate);
    let failure: InferenceError | undefined;
    try {
      await library.callAsync('Run', this.#runArguments, this);
    } catch (cause) {
      failure = new InferenceError('run_failed', messageOf(cause), { cause });
    }
    signal?.removeEventListener('abort', terminate);
    if (signal?.aborted) {
      library.call('RunOptionsUnsetTerminate', this.#runOptions);
      failure = abortedError(signal);
    }

    this.#running = false;
    if (this.#disposed) this.#free();
    this.#gate.leave();
    if (failure !== undefined) throw failure;
  }

  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#onDispose(this);
    if (!this.#running) this.#free();
  }

  #free(): void {
    for (const value of this.#values) this.#ort.library.release('ReleaseValue', value);
    this.#ort.library.release('ReleaseRunOptions', this.#runOptions);
  }

  /** `char *[tensors.length]` */
  #nameTable(tensors: readonly NamedTensor[]): Address {
    return this.#keep(pointerTable(tensors.map(({ name }) => this.#keep(cString(name)))));
  }

  /** `OrtValue *[tensors.length]` */
  #valueTable(tensors: readonly NamedTensor[]): Address {
    return this.#keep(pointerTable(tensors.map((tensor) => this.#createValue(tensor))));
  }

  #createValue({ elementType, tensor: { data, shape } }: NamedTensor): Address {
    const sizes = BigInt64Array.from(shape, BigInt);
    const value = this.#ort.library.create(
      'CreateTensorWithDataAsOrtValue',
      this.#ort.cpuMemory,
      this.#keep(data),
      data.byteLength,
      this.#keep(sizes),
      sizes.length,
      ONNX_NUMBERS[elementType],
    );
    this.#values.push(value);
    return value;
  }

  #keep(view: ArrayBufferView): Address {
    this.#memory.push(view);
    return addressOf(view);
  }
}
