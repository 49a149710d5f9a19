/** Runs the built command line as users do, and ends what it started when the test ends. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished, vi } from 'vitest';
import { CACHE_FOLDER, ROOT } from './paths.ts';
import { descendantsOf, isRunning } from './processes.ts';

const MAIN = join(ROOT, 'apps/cli/dist/main.js');
/** From a start to the greeting, on a busy machine. */
const UP_DEADLINE_MS = 60_000;
const EXIT_DEADLINE_MS = 60_000;
/** After SIGKILL. */
const END_DEADLINE_MS = 5_000;

export interface RunningCli {
  readonly child: ChildProcess;
  /** What it wrote so far. */
  readonly output: { stdout: string; stderr: string };
  /** Resolves with its exit code, null where a signal ended it. */
  exited(): Promise<number | null>;
}

/** Its folder for temporary files is its own, for what its killed processes leave there. */
export function startCli(args: readonly string[], env: NodeJS.ProcessEnv = {}): RunningCli {
  const TMPDIR = mkdtempSync(join(tmpdir(), 'amanuensis-cli-'));
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: ROOT,
    env: {
      ...withoutConfiguration(process.env),
      TMPDIR,
      AMANUENSIS_WORKER_CACHE_FOLDER: CACHE_FOLDER,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  const closed = once(child, 'close');
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      const pids = descendantsOf(child.pid);
      child.kill('SIGKILL');
      await endAll(pids);
      await closed;
    }
    await rm(TMPDIR, { recursive: true, force: true, maxRetries: 3 });
  });
  return {
    child,
    output,
    async exited() {
      if (child.exitCode === null && child.signalCode === null) {
        const timer = AbortSignal.timeout(EXIT_DEADLINE_MS);
        await Promise.race([closed, once(timer, 'abort').then(() => Promise.reject(timer.reason))]);
      }
      return child.exitCode;
    },
  };
}

export async function runCli(args: readonly string[], env?: NodeJS.ProcessEnv) {
  const cli = startCli(args, env);
  const exitCode = await cli.exited();
  return { exitCode, ...cli.output };
}

export interface UpCli extends RunningCli {
  readonly url: string;
  /** Lines that users are told to paste. */
  readonly curlLines: readonly string[];
  /** All processes below it. */
  readonly pids: readonly number[];
}

/** `amanuensis up` on a free port, once it greets. */
export async function startUp(dataFolder: string, env: NodeJS.ProcessEnv = {}): Promise<UpCli> {
  const cli = startCli(['up', '--port', '0'], { AMANUENSIS_DATA_FOLDER: dataFolder, ...env });
  await vi.waitUntil(
    () => {
      const { child, output } = cli;
      if (child.exitCode !== null) throw new Error(`up ended:\n${output.stderr}`);
      return output.stdout.includes('Ctrl-C');
    },
    { timeout: UP_DEADLINE_MS, interval: 50 },
  );
  const [, url = ''] = /listens on (\S+)/.exec(cli.output.stdout) ?? [];
  const curlLines = cli.output.stdout
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('curl'));
  const pids = descendantsOf(cli.child.pid);
  onTestFinished(() => endAll(pids)); // where a test killed it, they are nobody's
  return { ...cli, url, curlLines, pids };
}

/** A folder that is removed when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'amanuensis-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

async function endAll(pids: readonly number[]): Promise<void> {
  for (const pid of pids.filter(isRunning)) process.kill(pid, 'SIGKILL');
  await vi.waitUntil(() => !pids.some(isRunning), { timeout: END_DEADLINE_MS, interval: 20 });
}

function withoutConfiguration(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const foreign = (name: string) => name === 'REDIS_URL' || name.startsWith('AMANUENSIS_');
  return Object.fromEntries(Object.entries(env).filter(([name]) => !foreign(name)));
}
