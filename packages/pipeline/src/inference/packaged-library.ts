/** Where the onnxruntime-node package keeps its libonnxruntime. */

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { InferenceError } from './inference-port.ts';

const FILE_NAMES: Readonly<Partial<Record<NodeJS.Platform, string>>> = {
  linux: 'libonnxruntime.so.1',
  darwin: 'libonnxruntime.1.dylib',
  win32: 'onnxruntime.dll',
};

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
