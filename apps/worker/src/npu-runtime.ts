/** AMD's build of ONNX Runtime: where it lies, and how a process must be started to load it. */

import { readdirSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { type ExecutionProvider, PLACEMENT_REPORT } from '@amanuensis/pipeline';
import type { WorkerSettings } from './config.ts';

/** Below the installation, where AMD's set-up script points the loader. */
const LIBRARY_FOLDER = 'onnxruntime/lib';
const LIBRARY = /^libonnxruntime\.so(\.\d+)*$/;
/** Libraries of the system come before AMD's copies of some of them, as AMD sets it up. */
const SYSTEM_LIBRARIES = '/lib/x86_64-linux-gnu';

export interface NpuRuntime {
  /** Path of the library that knows VitisAI. */
  readonly library: string;
  /** Read by the loader and by the library when a process starts: too late to be set in it. */
  readonly env: Readonly<Record<string, string>>;
}

/** What an operator configured, or why that is none. */
export function findNpuRuntime(
  { onnxruntimeLibrary, ryzenAiFolder }: WorkerSettings,
  inherited: NodeJS.ProcessEnv = process.env,
): NpuRuntime | { readonly problem: string } {
  if (onnxruntimeLibrary === undefined && ryzenAiFolder === undefined) {
    const problem = 'needs AMD Ryzen AI: set RYZEN_AI_INSTALLATION_PATH to where it is installed';
    return { problem };
  }
  const library = onnxruntimeLibrary ?? libraryIn(join(ryzenAiFolder ?? '', LIBRARY_FOLDER));
  if (library === null) {
    const folder = join(ryzenAiFolder ?? '', LIBRARY_FOLDER);
    return { problem: `needs a libonnxruntime.so in ${folder}, and there is none` };
  }
  const path = [SYSTEM_LIBRARIES, dirname(library), inherited.LD_LIBRARY_PATH ?? ''];
  return {
    library,
    env: {
      LD_LIBRARY_PATH: path.filter((folder) => folder !== '').join(delimiter),
      // A name alone: the report lies in the cache of each compiled graph.
      XLNX_ONNX_EP_REPORT_FILE: PLACEMENT_REPORT,
      ...(ryzenAiFolder !== undefined && { RYZEN_AI_INSTALLATION_PATH: ryzenAiFolder }),
    },
  };
}

/**
 * VitisAI with what an operator sets over what is needed here. A float32 graph becomes BF16 by
 * itself; `target` X2 is for int8, `config_file` tunes BF16.
 */
export function vitisAi(
  ...options: readonly Readonly<Record<string, string>>[]
): ExecutionProvider {
  // In memory, neither the compiled graph nor the report of its placement outlives the process.
  const needed = { enable_cache_file_io_in_mem: '0' };
  return { name: 'VitisAI', options: Object.assign({}, ...options, needed) };
}

/** The shortest name, which is the one that links lead from. */
function libraryIn(folder: string): string | null {
  let names: readonly string[];
  try {
    names = readdirSync(folder);
  } catch {
    return null;
  }
  const [name] = names
    .filter((file) => LIBRARY.test(file))
    .toSorted((a, b) => a.length - b.length || (a < b ? -1 : 1));
  return name === undefined ? null : join(folder, name);
}
