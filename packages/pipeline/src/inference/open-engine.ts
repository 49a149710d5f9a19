/** Opens the best inference engine that this machine has, and says which it is. */

import { goldenRun } from './golden-run.ts';
import { messageOf } from './inference-errors.ts';
import { type InferenceEngine, InferenceError } from './inference-port.ts';

export interface EngineOptions {
  /** Refuses any other. */
  readonly prefer?: InferenceEngine['name'];
  /** Another libonnxruntime than the one in onnxruntime-node, a vendor's for instance. */
  readonly libraryPath?: string;
}

/**
 * The C API wherever its foreign-function interface has a build, the binding elsewhere; the
 * engine's `name` tells. A library that is there but does not work is an error, never a reason to
 * use the other engine.
 *
 * @throws InferenceError `unavailable` when the engine asked for cannot be had.
 */
export async function openInferenceEngine(options: EngineOptions = {}): Promise<InferenceEngine> {
  const engine = await open(options);
  await goldenRun(engine);
  return engine;
}

async function open({ prefer, libraryPath }: EngineOptions): Promise<InferenceEngine> {
  const needsCApi = prefer === 'c-api' || libraryPath !== undefined;
  if (prefer !== 'node-binding') {
    const openCApi = await importCApi(needsCApi);
    if (openCApi !== undefined) return openCApi(libraryPath);
  } else if (libraryPath !== undefined) {
    throw new InferenceError('unavailable', 'The binding cannot use another ONNX Runtime library');
  }
  const { openNodeBinding } = await import('./node-binding.ts');
  return openNodeBinding();
}

/** Undefined where the foreign-function interface has no build for this platform. */
async function importCApi(isNeeded: boolean) {
  try {
    const { openCApi } = await import('./c-api.ts');
    return openCApi;
  } catch (cause) {
    if (!isNeeded) return undefined;
    const message = `The C API of ONNX Runtime cannot be called here: ${messageOf(cause)}`;
    throw new InferenceError('unavailable', message, { cause });
  }
}
