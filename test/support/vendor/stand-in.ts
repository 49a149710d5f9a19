/** Builds the stand-in for a vendor's ONNX Runtime with the C compiler of this machine. */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { packagedLibraryPath } from '../../../packages/pipeline/src/inference/packaged-library.ts';

const SOURCE = join(import.meta.dirname, 'stand-in.c');
const FLAGS = ['-O1', '-shared', '-fPIC', '-Wall', '-Wno-stringop-truncation'];

/** Null where there is none: what needs it skips, saying so. */
export const compiler: string | null =
  process.platform === 'linux' ? (['cc', 'gcc', 'clang', 'tcc'].find(answers) ?? null) : null;

export interface StandInEvent {
  readonly pid: number;
  readonly event: 'append' | 'compile' | 'compiled' | 'load';
  readonly details: Readonly<Record<string, string>>;
}

export interface StandIn {
  /** Laid out as AMD's installation is. */
  readonly installation: string;
  readonly library: string;
  /** Environment of the processes that load it. */
  readonly env: Readonly<Record<string, string>>;
  /** What it was asked so far, by all processes. */
  events(): readonly StandInEvent[];
  forget(): void;
}

/** In a folder of the caller's. */
export function buildStandIn(folder: string): StandIn {
  if (compiler === null) throw new Error('there is no C compiler');
  const installation = join(folder, 'ryzen-ai');
  const libraries = join(installation, 'onnxruntime/lib');
  mkdirSync(libraries, { recursive: true });
  const library = join(libraries, 'libonnxruntime.so.1');
  execFileSync(compiler, [...FLAGS, '-o', library, SOURCE, '-ldl', '-lpthread']);
  const log = join(folder, 'asked.jsonl');
  return {
    installation,
    library,
    env: { STAND_IN_RUNTIME: packagedLibraryPath(), STAND_IN_LOG: log },
    forget: () => rmSync(log, { force: true }),
    events: () =>
      existsSync(log)
        ? readFileSync(log, 'utf8')
            .trimEnd()
            .split('\n')
            .map((line) => JSON.parse(line) as StandInEvent)
        : [],
  };
}

function answers(command: string): boolean {
  try {
    execFileSync(command, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
