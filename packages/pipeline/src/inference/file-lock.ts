/** Locks between processes that end with their holder, however that ends. */

import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from './inference-errors.ts';
import { InferenceError } from './inference-port.ts';

const POLL_MS = 200;
/** Any user may hold it: a lock that others cannot even open keeps nobody out. */
const MODE = 0o666;

/** Disposing it gives the lock back. The file stays: to remove it would let a second holder in. */
export interface FileLock extends Disposable {
  readonly file: string;
}

export interface LockWait {
  readonly signal: AbortSignal;
  /** Called when the lock is not free, at first and then every `POLL_MS`. */
  readonly onWait?: (holderPid: number | null, waitedMs: number) => void;
}

/**
 * Takes the lock, or answers null where another process has it.
 *
 * The kernel keeps it (`flock`), not the file: nothing is stale after a crash, and no process id
 * is compared. While it is held, the file names the holder, for people.
 *
 * @throws InferenceError `unavailable` where the system has no such locks; Error of the file system.
 */
export async function tryLockFile(file: string): Promise<FileLock | null> {
  const lockDescriptor = await importLockDescriptor();
  const descriptor = openToLock(file);
  let isOurs = false;
  try {
    isOurs = lockDescriptor(descriptor);
  } finally {
    if (!isOurs) closeSync(descriptor);
  }
  if (!isOurs) return null;
  ftruncateSync(descriptor);
  writeSync(descriptor, `${process.pid}\n`, 0);
  let isHeld = true;
  return {
    file,
    [Symbol.dispose]: () => {
      if (!isHeld) return;
      isHeld = false;
      ftruncateSync(descriptor);
      closeSync(descriptor);
    },
  };
}

/** @throws the signal's reason; as {@link tryLockFile}. */
export async function lockFile(file: string, { signal, onWait }: LockWait): Promise<FileLock> {
  const startedAt = performance.now();
  for (;;) {
    signal.throwIfAborted();
    const lock = await tryLockFile(file);
    if (lock !== null) return lock;
    onWait?.(holderOf(file), performance.now() - startedAt);
    await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** The process that holds the lock, as it says itself; null where the file does not tell. */
function holderOf(file: string): number | null {
  try {
    const pid = Number.parseInt(readFileSync(file, 'utf8'), 10);
    return Number.isNaN(pid) ? null : pid;
  } catch {
    return null;
  }
}

/** Here alone native code is loaded, so that others may import this where there is none. */
async function importLockDescriptor(): Promise<(descriptor: number) => boolean> {
  let lockDescriptor: ((descriptor: number) => boolean) | undefined;
  try {
    ({ lockDescriptor } = await import('./native-memory.ts'));
  } catch (cause) {
    throw new InferenceError('unavailable', messageOf(cause), { cause });
  }
  if (lockDescriptor !== undefined) return lockDescriptor;
  throw new InferenceError('unavailable', 'This system has no file locks that end with a process');
}

/**
 * Not created where it is there: in a folder that all users share, Linux refuses to create over
 * another user's file (`fs.protected_regular`).
 */
function openToLock(file: string): number {
  try {
    return openSync(file, 'r+');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const mask = process.umask(0);
  try {
    return openSync(file, 'a+', MODE);
  } finally {
    process.umask(mask);
  }
}
