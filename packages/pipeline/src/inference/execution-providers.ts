/** How each execution provider of the C API is asked for. */

import { messageOf } from './inference-errors.ts';
import { type ExecutionProvider, InferenceError } from './inference-port.ts';
import {
  type Address,
  addressOf,
  cString,
  OutPointer,
  pointerTable,
  readCString,
  readPointer,
} from './native-memory.ts';
import type { OrtLibrary } from './ort-library.ts';

/** ONNX Runtime's name of each provider, as libraries list it and results name it. */
const PROVIDER_NAMES = {
  VitisAI: 'VitisAIExecutionProvider',
  CUDA: 'CUDAExecutionProvider',
  WebGPU: 'WebGpuExecutionProvider',
} as const satisfies Readonly<Record<ExecutionProvider['name'], string>>;

const CPU_PROVIDER_NAME = 'CPUExecutionProvider';
const POINTER_BYTES = 8;

export function providerName(provider: ExecutionProvider | undefined): string {
  return provider === undefined ? CPU_PROVIDER_NAME : PROVIDER_NAMES[provider.name];
}

/** Names of the providers that the library was built with; none of them need work here. */
export function availableProviders(library: OrtLibrary): readonly string[] {
  const names = new OutPointer();
  const count = new Int32Array(1);
  library.call('GetAvailableProviders', names.address, addressOf(count));
  const length = count[0] ?? 0;
  try {
    return Array.from({ length }, (_, index) =>
      readCString(readPointer(names.value + BigInt(index * POINTER_BYTES))),
    );
  } finally {
    library.call('ReleaseAvailableProviders', names.value, length);
  }
}

/**
 * Asks `provider` for nodes of the graphs that are loaded with `sessionOptions`.
 *
 * @throws InferenceError `provider_failed` when the library lacks it or it refuses its options.
 */
export function appendExecutionProvider(
  library: OrtLibrary,
  sessionOptions: Address,
  provider: ExecutionProvider,
): void {
  try {
    append(library, sessionOptions, provider);
  } catch (cause) {
    const message = `${PROVIDER_NAMES[provider.name]}: ${messageOf(cause).trim()}`;
    throw new InferenceError('provider_failed', message, { cause });
  }
}

function append(
  library: OrtLibrary,
  sessionOptions: Address,
  { name, options }: ExecutionProvider,
): void {
  if (name === 'CUDA') {
    // Its function in the table takes an object of options; this older one, the device alone.
    const device = Number(options.device_id ?? '0');
    const types = ['pointer', 'int'] as const;
    const exported = 'OrtSessionOptionsAppendExecutionProvider_CUDA';
    library.callExported(exported, types, sessionOptions, device);
    return;
  }
  const keys = Object.keys(options).map(cString);
  const values = Object.values(options).map(cString);
  const keyTable = pointerTable(keys.map(addressOf));
  const valueTable = pointerTable(values.map(addressOf));
  const memory = { keys, values, keyTable, valueTable };
  const tables = [addressOf(keyTable), addressOf(valueTable), keys.length] as const;
  if (name === 'VitisAI') {
    const append = 'SessionOptionsAppendExecutionProvider_VitisAI';
    library.callHolding(memory, append, sessionOptions, ...tables);
  } else {
    const append = 'SessionOptionsAppendExecutionProvider';
    library.callHolding(memory, append, sessionOptions, name, ...tables);
  }
}
