/** What all sessions of the C API share: the library, its environment, its CPU memory. */

import { loadOnce } from './load-once.ts';
import type { Address } from './native-memory.ts';
import { OrtLibrary } from './ort-library.ts';

/** Only fatal messages: all others come back as the message of an InferenceError. */
const LOG_LEVEL_FATAL = 4;
const ARENA_ALLOCATOR = 1;
const MEMORY_TYPE_DEFAULT = 0;

export interface OrtEnvironment {
  readonly library: OrtLibrary;
  readonly env: Address;
  readonly allocator: Address;
  readonly cpuMemory: Address;
}

/** ONNX Runtime wants one environment per process; it lives as long as that. */
let environment: OrtEnvironment | undefined;

/**
 * @throws InferenceError `unavailable` when the library cannot be loaded, or when this process
 *   already uses another one.
 */
export function ortEnvironment(libraryPath: string): OrtEnvironment {
  environment = loadOnce(libraryPath, (file) => environment ?? createEnvironment(file));
  return environment;
}

function createEnvironment(file: string): OrtEnvironment {
  const library = new OrtLibrary(file);
  return {
    library,
    env: library.create('CreateEnv', LOG_LEVEL_FATAL, 'amanuensis'),
    allocator: library.create('GetAllocatorWithDefaultOptions'),
    cpuMemory: library.create('CreateCpuMemoryInfo', ARENA_ALLOCATOR, MEMORY_TYPE_DEFAULT),
  };
}
