/** Fetches one file, and goes on where it stopped: after a cut connection, a stall, or a crash. */

import { setTimeout as delay } from 'node:timers/promises';
import { type Hub, reasonOf } from './hub.ts';
import type { HubRepository, RepositoryFile } from './hub-repository.ts';
import { PartFile } from './part-file.ts';
import { PullError } from './pull-error.ts';

/** Without a byte for this long, a connection is given up. */
const STALL_MS = 30_000;
/** Before each try after one that brought nothing; when they are used up, so is the patience. */
const RETRY_DELAYS_MS = [500, 1_000, 2_000, 4_000, 8_000];
/** A try that brought less counts as one that brought nothing. */
const MIN_PROGRESS_BYTES = 64 * 1024;

const PARTIAL_CONTENT = 206;
const OK = 200;

export interface Patience {
  readonly stallMs: number;
  readonly retryDelaysMs: readonly number[];
}
export const DEFAULT_PATIENCE: Patience = { stallMs: STALL_MS, retryDelaysMs: RETRY_DELAYS_MS };

export interface DownloadOptions {
  readonly hub: Hub;
  readonly repository: HubRepository;
  readonly signal: AbortSignal;
  readonly patience: Patience;
  /** Bytes that came; below 0 where what was there had to be fetched again. */
  readonly onBytes: (bytes: number) => void;
  readonly onRetry: (reason: string) => void;
}

/**
 * Appends what is missing to the file at `path`, up to the size that the repository lists.
 *
 * @throws PullError; the signal's reason when it fires. What came stays in the file.
 */
export async function downloadFile(
  path: string,
  file: RepositoryFile,
  options: DownloadOptions,
): Promise<void> {
  const { patience, signal, onRetry } = options;
  const part = await PartFile.open(path, file);
  try {
    for (let idleTries = 0; !part.isComplete; ) {
      const before = part.length;
      try {
        await fetchRest(part, file, options);
      } catch (error) {
        if (!(error instanceof PullError) || error.code !== 'unavailable') throw error;
        idleTries = part.length - before >= MIN_PROGRESS_BYTES ? 0 : idleTries + 1;
        const delayMs = patience.retryDelaysMs[Math.max(idleTries - 1, 0)];
        if (delayMs === undefined) throw givenUp(error, patience.retryDelaysMs.length);
        onRetry(error.message);
        await delay(delayMs, undefined, { signal }).catch(() => signal.throwIfAborted());
      }
    }
    await part.sync();
  } finally {
    await part.close();
  }
}

async function fetchRest(
  part: PartFile,
  { name }: RepositoryFile,
  { hub, repository, signal, patience: { stallMs }, onBytes }: DownloadOptions,
): Promise<void> {
  const address = await repository.addressOf(name, signal);
  const stalled = new AbortController();
  const timer = setTimeout(() => stalled.abort(), stallMs);
  const reach = hub.fetchWith(AbortSignal.any([signal, stalled.signal]));
  try {
    const response = await reach(address, {
      headers: { Range: `bytes=${part.length}-`, 'Accept-Encoding': 'identity' },
    });
    if (!continuesAt(response, part.length)) onBytes(-(await part.restart()));
    for await (const chunk of bodyOf(response)) {
      timer.refresh();
      await part.append(chunk);
      onBytes(chunk.length);
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof PullError) throw error;
    if (stalled.signal.aborted) throw interrupted(name, `no byte in ${stallMs / 1000} s`, error);
    throw interrupted(name, reasonOf(error), error);
  } finally {
    clearTimeout(timer);
  }
  if (!part.isComplete) throw interrupted(name, 'the connection ended early');
}

/** False where the server sends the file from its beginning. */
function continuesAt(response: Response, position: number): boolean {
  const { status } = response;
  if (status === OK) return position === 0;
  if (status !== PARTIAL_CONTENT) {
    throw new PullError('unavailable', `${new URL(response.url).host} answered ${status}`);
  }
  const range = response.headers.get('Content-Range') ?? '';
  if (range.startsWith(`bytes ${position}-`)) return true;
  throw new PullError('unexpected_answer', `asked from byte ${position} on, and got ${range}`);
}

function bodyOf({ body }: Response): AsyncIterable<Uint8Array> {
  if (body === null) throw new PullError('unavailable', 'an answer without a body');
  return body;
}

function interrupted(name: string, reason: string, cause?: unknown): PullError {
  return new PullError('unavailable', `${name} was interrupted: ${reason}`, { cause });
}

function givenUp(error: PullError, tries: number): PullError {
  return new PullError(
    'unavailable',
    `${error.message}\n${tries + 1} tries in a row brought nothing; the same command goes on where ` +
      'this one stopped.',
    { cause: error },
  );
}
