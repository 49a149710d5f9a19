/** A session of the C API: what a graph takes and gives, and its bindings. */

import { CApiBinding } from './c-api-binding.ts';
import { elementTypeOfNumber } from './element-types.ts';
import { messageOf } from './inference-errors.ts';
import type { Binding, InferenceSession, Tensor, TensorSpec } from './inference-port.ts';
import { matchTensors } from './match-tensors.ts';
import { type Address, addressOf, readCString } from './native-memory.ts';
import type { OrtEnvironment } from './ort-environment.ts';
import type { OrtLibrary } from './ort-library.ts';
import { RunGate } from './run-gate.ts';

export class CApiSession implements InferenceSession {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly executionProvider: string;
  readonly #ort: OrtEnvironment;
  readonly #session: Address;
  readonly #gate = new RunGate();
  readonly #bindings = new Set<CApiBinding>();
  #released: Promise<void> | undefined;

  /** Owns `session` once it has been constructed. */
  constructor(ort: OrtEnvironment, session: Address, executionProvider: string) {
    this.#ort = ort;
    this.#session = session;
    this.executionProvider = executionProvider;
    this.inputs = readSpecs(ort, session, 'Input');
    this.outputs = readSpecs(ort, session, 'Output');
  }

  bind(
    feeds: Readonly<Record<string, Tensor>>,
    fetches: Readonly<Record<string, Tensor>>,
  ): Binding {
    const binding = new CApiBinding(this.#ort, {
      session: this.#session,
      gate: this.#gate,
      feeds: matchTensors(this.inputs, feeds),
      fetches: matchTensors(this.outputs, fetches),
      onDispose: (disposed) => this.#bindings.delete(disposed),
    });
    this.#bindings.add(binding);
    return binding;
  }

  release(): Promise<void> {
    this.#released ??= this.#gate.close().then(() => {
      for (const binding of this.#bindings) binding[Symbol.dispose]();
      this.#ort.library.release('ReleaseSession', this.#session);
    });
    return this.#released;
  }
}

function readSpecs(
  { library, allocator }: OrtEnvironment,
  session: Address,
  direction: 'Input' | 'Output',
): readonly TensorSpec[] {
  const count = Number(library.create(`SessionGet${direction}Count`, session));
  return Array.from({ length: count }, (_, index) => {
    const nameAddress = library.create(`SessionGet${direction}Name`, session, index, allocator);
    const name = readCString(nameAddress);
    library.call('AllocatorFree', allocator, nameAddress);
    const typeInfo = library.create(`SessionGet${direction}TypeInfo`, session, index);
    try {
      return { name, ...readTensorType(library, typeInfo) };
    } catch (cause) {
      throw new Error(`${name}: ${messageOf(cause)}`, { cause });
    } finally {
      library.release('ReleaseTypeInfo', typeInfo);
    }
  });
}

function readTensorType(library: OrtLibrary, typeInfo: Address): Omit<TensorSpec, 'name'> {
  // Belongs to `typeInfo`; NULL where the value is no tensor.
  const info = library.create('CastTypeInfoToTensorInfo', typeInfo);
  if (info === 0n) throw new Error('only tensors are supported');
  const number = Number(library.create('GetTensorElementType', info));
  const elementType = elementTypeOfNumber(number);
  if (elementType === undefined) throw new Error(`element type ${number} is not supported`);
  const sizes = new BigInt64Array(Number(library.create('GetDimensionsCount', info)));
  library.call('GetDimensions', info, addressOf(sizes), sizes.length);
  return { elementType, shape: Array.from(sizes, Number) };
}
