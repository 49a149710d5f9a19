/** Keeps a second process out of a folder, and takes over from one that was killed. */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { lock } from 'proper-lockfile';
import { CliError } from './cli-error.ts';

/** The holder renews its lock twice in this time; one that is not renewed is free. */
const STALE_MS = 5_000;
const GIVE_UP_MS = STALE_MS + 2_000;
const RETRY_MS = 100;

export interface FolderLock {
  release(): Promise<void>;
}

export interface FolderLockOptions {
  readonly signal?: AbortSignal | undefined;
  /** The lock was lost: somebody else may use the folder now. */
  readonly onLost: (reason: string) => void;
}

/**
 * Creates the folder, readable by its owner alone, and takes its lock. Where the holder is dead,
 * waits until the lock is stale, a few seconds.
 *
 * @throws CliError where another process uses the folder.
 */
export async function lockFolder(
  folder: string,
  { signal, onLost }: FolderLockOptions,
): Promise<FolderLock> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const holderFile = join(folder, 'holder.pid');
  const deadline = performance.now() + GIVE_UP_MS;
  for (;;) {
    try {
      const onCompromised = (error: Error) => onLost(error.message);
      const release = await lock(folder, { stale: STALE_MS, onCompromised });
      await writeFile(holderFile, `${process.pid}\n`);
      // A lock that was lost cannot be released, and need not be.
      return { release: () => release().catch(() => undefined) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw error;
      const holder = await readPid(holderFile);
      if (isAnotherRunning(holder) || performance.now() > deadline) {
        throw new CliError(
          `The data folder ${folder} is in use by another amanuensis` +
            `${holder === null ? '' : ` (process ${holder})`}: stop that one, or choose another ` +
            'folder with AMANUENSIS_DATA_FOLDER.',
        );
      }
      await delay(RETRY_MS, undefined, { signal });
    }
  }
}

async function readPid(file: string): Promise<number | null> {
  const pid = Number.parseInt(await readFile(file, 'utf8').catch(() => ''), 10);
  return Number.isNaN(pid) ? null : pid;
}

/** In containers the dead holder may have had our own id. */
function isAnotherRunning(pid: number | null): boolean {
  if (pid === null || pid === process.pid) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
