/** Keeps a process to one ONNX Runtime library. */

import { existsSync, realpathSync } from 'node:fs';
import { messageOf } from './inference-errors.ts';
import { InferenceError } from './inference-port.ts';

let loadedPath: string | undefined;

/**
 * Loads the library at `libraryPath` as the only one of this process: two builds of ONNX Runtime
 * in one process corrupt each other.
 *
 * @throws InferenceError `unavailable` when there is none, when it cannot be loaded, or when this
 *   process already uses another.
 */
export function loadOnce<T>(libraryPath: string, load: (file: string) => T): T {
  if (!existsSync(libraryPath)) {
    throw new InferenceError('unavailable', `There is no ONNX Runtime library at ${libraryPath}`);
  }
  const file = realpathSync(libraryPath);
  if (loadedPath !== undefined && loadedPath !== file) {
    const message = `This process already uses the ONNX Runtime library ${loadedPath}`;
    throw new InferenceError('unavailable', message);
  }
  // ONNX Runtime's Linux builds report to their maker unless told not to, before they are loaded.
  process.env.ORT_DISABLE_TELEMETRY ??= '1';
  try {
    const loaded = load(file);
    loadedPath = file;
    return loaded;
  } catch (cause) {
    const message = `${libraryPath} cannot be used: ${messageOf(cause)}`;
    throw new InferenceError('unavailable', message, { cause });
  }
}
