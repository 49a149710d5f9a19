/** A pipe of the system with both ends in hand; Node.js itself makes none that can be read in place. */

import { execFile } from 'node:child_process';
import { close, constants, open } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CodedError } from '@amanuensis/contract';

const MKFIFO_TIMEOUT_MS = 10_000;

const openFd = promisify(open);
export const closeFd = promisify(close);

export interface PipeEnds {
  readonly readFd: number;
  readonly writeFd: number;
}

/**
 * Opens a pipe. The reading end does not block; the writing end does, as a child expects of its
 * stdout. The name that it had for a moment is gone when this returns.
 *
 * @throws CodedError `unavailable` when the system lets none be made.
 */
export async function openFifo(): Promise<PipeEnds> {
  const folder = await mkdtemp(join(tmpdir(), 'amanuensis-'));
  try {
    const path = join(folder, 'pcm');
    await promisify(execFile)('mkfifo', ['-m', '600', path], { timeout: MKFIFO_TIMEOUT_MS });
    const readFd = await openFd(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return { readFd, writeFd: await openFd(path, constants.O_WRONLY) };
    } catch (error) {
      await closeFd(readFd);
      throw error;
    }
  } catch (error) {
    throw new CodedError('unavailable', 'No pipe to the decoder could be made.', { cause: error });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
