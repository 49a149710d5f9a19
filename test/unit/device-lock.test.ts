/** Locks between real processes: who has a device, and what becomes of the lock of a dead one. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createLogger } from '@amanuensis/log';
import { type FileLock, lockFile } from '@amanuensis/pipeline';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { lockDevice } from '../../apps/worker/src/device-lock.ts';
import { tryLockFile } from '../../packages/pipeline/src/inference/file-lock.ts';
import { ROOT } from '../support/paths.ts';

const PIPELINE = pathToFileURL(join(ROOT, 'packages/pipeline/dist/index.js')).href;
const DEADLINE_MS = 20_000;

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'amanuensis-lock-'));
  file = join(folder, 'amanuensis-npu-0000:c5:00.1.lock');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Another process, once it has the lock. */
async function startHolder(): Promise<ChildProcess> {
  const code = `
    import { lockFile } from ${JSON.stringify(PIPELINE)};
    globalThis.lock = await lockFile(${JSON.stringify(file)}, { signal: AbortSignal.timeout(20000) });
    process.stdout.write('held');
    setInterval(() => undefined, 60_000);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  if (child.stdout === null) throw new TypeError('standard output must be a pipe');
  await once(child.stdout, 'data', { signal: AbortSignal.timeout(DEADLINE_MS) });
  return child;
}

const lock = (timeoutMs: number, lines: string[] = []): Promise<FileLock> =>
  lockDevice('npu-0000:c5:00.1', {
    folder,
    timeoutMs,
    log: createLogger('test', 'info', { write: (line) => void lines.push(line) }),
  });

test('a device that another process holds is refused, with who has it', async () => {
  const { pid } = await startHolder();
  const lines: string[] = [];
  await expect(lock(500, lines)).rejects.toMatchObject({
    name: 'DeviceRefused',
    message: `process ${pid} holds it (${file})`,
  });
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ holderPid: pid });
});

test('the lock of a process that was killed is free at once', async () => {
  const holder = await startHolder();
  const waiting = lock(DEADLINE_MS);
  holder.kill('SIGKILL');
  using held = await waiting;
  expect(readFileSync(held.file, 'utf8')).toBe(`${process.pid}\n`);
});

test('a lock is given back, and given out once at a time', async () => {
  const first = await tryLockFile(file);
  expect(await tryLockFile(file)).toBeNull();
  first?.[Symbol.dispose]();
  const second = await tryLockFile(file);
  // Once more for the first one: the second keeps its lock.
  first?.[Symbol.dispose]();
  expect(second).not.toBeNull();
  expect(await tryLockFile(file)).toBeNull();
  second?.[Symbol.dispose]();
});

test('whoever waits can be told to stop', async () => {
  using _held = await lockFile(file, { signal: AbortSignal.timeout(DEADLINE_MS) });
  const reason = new Error('enough');
  const stop = new AbortController();
  const waits: number[] = [];
  const onWait = (_pid: number | null, waitedMs: number): void => {
    waits.push(waitedMs);
    if (waits.length === 2) stop.abort(reason);
  };
  await expect(lockFile(file, { signal: stop.signal, onWait })).rejects.toBe(reason);
  expect(waits).toHaveLength(2);
});
