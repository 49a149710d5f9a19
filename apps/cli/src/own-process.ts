/** A child process that cannot outlive this one, and whose last words are kept. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { findExecutable } from './find-executable.ts';

/** Lines that are kept to explain an end nobody asked for. */
const TAIL_LINES = 20;
/** After its exit, for what it still wrote; a grandchild may hold the pipe open for longer. */
const LAST_WORDS_MS = 250;

export interface OwnProcessOptions {
  readonly name: string;
  /** Absolute path. */
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Open a channel for messages, which Node children see as `process.send`. */
  readonly channel?: boolean;
  readonly onLine?: (line: string) => void;
}

export class OwnProcess {
  readonly name: string;
  /** Resolves with how it ended, `exit code 1` for instance, and its last words heard. */
  readonly exited: Promise<string>;
  readonly #child: ChildProcess;
  readonly #tail: string[] = [];

  constructor({ name, command, args, env, channel = false, onLine }: OwnProcessOptions) {
    this.name = name;
    const [file = command, ...argv] = [...dyingWithParent(), command, ...args];
    this.#child = spawn(file, argv, {
      env,
      stdio: ['ignore', 'pipe', 'pipe', channel ? 'ipc' : 'ignore'],
      // A session of its own: the signals of a terminal reach this process alone, which ends its
      // children in the right order.
      detached: true,
    });
    const hear = (line: string) => {
      this.#tail.push(line);
      if (this.#tail.length > TAIL_LINES) this.#tail.shift();
      onLine?.(line);
    };
    readLines(this.#child.stdout, hear);
    readLines(this.#child.stderr, hear);
    this.exited = endOf(this.#child);
  }

  /** -1 where it could not be started. */
  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** What it wrote last, indented. */
  get tail(): string {
    return this.#tail.map((line) => `  ${line}`).join('\n');
  }

  onMessage(listener: (message: unknown) => void): void {
    this.#child.on('message', listener);
  }

  /**
   * Asks it to end and resolves when it is gone; kills it after `timeoutMs`, or at once when
   * `kill` fires.
   *
   * @returns null where it ended well: when it was asked, with exit code 0. Else how it ended.
   */
  async stop(timeoutMs: number, kill?: AbortSignal): Promise<string | null> {
    const child = this.#child;
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) {
      return `${await this.exited}, before it was asked to`;
    }
    let isLate = false;
    const end = () => child.kill('SIGKILL');
    const timer = setTimeout(() => {
      isLate = true;
      end();
    }, timeoutMs);
    kill?.addEventListener('abort', end);
    child.kill(kill?.aborted ? 'SIGKILL' : 'SIGTERM');
    const how = await this.exited;
    clearTimeout(timer);
    kill?.removeEventListener('abort', end);
    if (isLate) return `killed, because it was not gone after ${timeoutMs / 1000} s`;
    return child.exitCode === 0 ? null : how;
  }
}

let prefix: readonly string[] | undefined;

/** `setpriv` has the kernel end the child with its parent; not every setpriv can. */
function dyingWithParent(): readonly string[] {
  if (prefix === undefined) {
    const setpriv = findExecutable('setpriv');
    const command = ['--pdeathsig', 'TERM', process.execPath, '--version'];
    const works = setpriv !== null && spawnSync(setpriv, command).status === 0;
    prefix = works ? [setpriv, '--pdeathsig', 'TERM'] : [];
  }
  return prefix;
}

function readLines(stream: Readable | null, onLine: (line: string) => void): void {
  if (stream !== null) createInterface({ input: stream }).on('line', onLine);
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.on('error', (error) => {
      if (child.pid === undefined) resolve(error.message);
    });
    child.once('exit', (code, signal) => {
      const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
      const timer = setTimeout(() => resolve(how), LAST_WORDS_MS);
      child.once('close', () => {
        clearTimeout(timer);
        resolve(how);
      });
    });
  });
}
