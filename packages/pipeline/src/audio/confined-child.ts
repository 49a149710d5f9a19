/** A child process that reads what strangers sent: limited, without a shell, and never left behind. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { CodedError } from '@amanuensis/contract';
import { findProgram, searchPath } from './find-program.ts';

/** FFmpeg takes 55 MB however long a recording is; its address space is several times that. */
const ADDRESS_SPACE_BYTES = 1024 * 1024 * 1024;
const OPEN_FILES = 64;
const CPU_GRACE_SECONDS = 5;
/** What is kept of the end of stderr. */
const STDERR_TAIL_LENGTH = 4096;

export interface ConfinedOptions {
  /** CPU time after which the kernel ends the child. */
  readonly cpuSeconds: number;
  /** Where its output goes: a pipe of ours, or an open file descriptor. */
  readonly stdout: 'pipe' | number;
  /** Hears all that the child writes to stderr, in pieces that may end anywhere. */
  readonly onStderr?: (text: string) => void;
}

export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * Nothing here kills a child without saying why first, so another SIGKILL comes from the system,
 * which is short of memory or shutting down: the recording is not at fault.
 *
 * @throws CodedError `internal_error`, which is retryable.
 */
export function checkNotKilled(name: string, { signal }: ChildExit): void {
  if (signal !== 'SIGKILL') return;
  throw new CodedError('internal_error', `${name} was killed by the system.`);
}

export class ConfinedChild implements AsyncDisposable {
  readonly pid: number;
  /** Settles when the child is gone and its stderr read to the end; never rejects. */
  readonly exit: Promise<ChildExit>;
  readonly #child: ChildProcess;
  #stderr = '';

  private constructor(child: ChildProcess, onStderr: (text: string) => void) {
    this.#child = child;
    this.pid = child.pid ?? 0;
    // A kill that comes too late is no error; what spawn reports is handled there.
    child.on('error', () => undefined);
    this.exit = new Promise((resolve) => {
      child.once('close', (code, signal) => resolve({ code, signal }));
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_TAIL_LENGTH);
      onStderr(text);
    });
  }

  /**
   * Starts a program of FFmpeg under the limits that the system has tools for: on Linux it dies
   * with this process, and cannot create files, dump core or gain privileges.
   *
   * @throws CodedError `unavailable` when the program is not installed or cannot be started.
   */
  static async spawn(
    name: 'ffmpeg' | 'ffprobe',
    args: readonly string[],
    { cpuSeconds, stdout, onStderr = () => undefined }: ConfinedOptions,
  ): Promise<ConfinedChild> {
    const program = await findProgram(name);
    if (program === null) {
      throw new CodedError(
        'unavailable',
        `${name} is not installed where the recording is decoded.`,
      );
    }
    const [file = program, ...rest] = [...(await confinement(cpuSeconds)), program, ...args];
    const child = spawn(file, rest, {
      stdio: ['ignore', stdout, 'pipe'],
      env: { PATH: searchPath(), LC_ALL: 'C' },
    });
    const confined = new ConfinedChild(child, onStderr);
    try {
      await once(child, 'spawn');
    } catch (error) {
      throw new CodedError('unavailable', `${name} could not be started.`, { cause: error });
    }
    return confined;
  }

  /** Null where stdout is not `pipe`. */
  get stdout(): Readable | null {
    return this.#child.stdout;
  }

  /** The end of what the child wrote to stderr so far. */
  get stderr(): string {
    return this.#stderr;
  }

  /** By the child's own handle: a process that took over its number is never hit. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.exit;
  }
}

/** Each of these programs becomes the next one, so the child keeps one process id. */
async function confinement(cpuSeconds: number): Promise<string[]> {
  if (process.platform !== 'linux') return [];
  const [setpriv, prlimit] = await Promise.all([findProgram('setpriv'), findProgram('prlimit')]);
  const command: string[] = [];
  if (setpriv !== null) command.push(setpriv, '--pdeathsig', 'KILL', '--no-new-privs');
  if (prlimit !== null) {
    command.push(
      prlimit,
      `--as=${ADDRESS_SPACE_BYTES}`,
      // SIGXCPU at the first, so that it differs from a kill by the system.
      `--cpu=${Math.ceil(cpuSeconds)}:${Math.ceil(cpuSeconds) + CPU_GRACE_SECONDS}`,
      '--core=0',
      '--fsize=0',
      `--nofile=${OPEN_FILES}`,
    );
  }
  return command;
}
