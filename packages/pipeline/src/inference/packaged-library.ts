/** Where the onnxruntime-node package keeps its libonnxruntime. */

import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { messageOf } from './inference-errors.ts';
import { InferenceError } from './inference-port.ts';

const FILE_NAMES: Readonly<Partial<Record<NodeJS.Platform, string>>> = {
  linux: 'libonnxruntime.so.1',
  darwin: 'libonnxruntime.1.dylib',
  win32: 'onnxruntime.dll',
};

let loadedPath: string | undefined;

/** @throws InferenceError `unavailable` when the package has none for this platform. */
export function packagedLibraryPath(): string {
  const packageFile = createRequire(import.meta.url).resolve('onnxruntime-node/package.json');
  const { platform, arch } = process;
  const fileName = FILE_NAMES[platform] ?? '';
  const file = path.join(path.dirname(packageFile), 'bin/napi-v6', platform, arch, fileName);
  if (fileName === '' || !existsSync(file)) {
    const message = `onnxruntime-node has no ONNX Runtime library for ${platform} ${arch}`;
    throw new InferenceError('unavailable', message);
  }
  return file;
}

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
  try {
    const loaded = load(file);
    loadedPath = file;
    return loaded;
  } catch (cause) {
    const message = `${libraryPath} cannot be used: ${messageOf(cause)}`;
    throw new InferenceError('unavailable', message, { cause });
  }
}
