/** Blobs as files of one folder, which several processes (and machines) may share. */

import { randomUUID } from 'node:crypto';
import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { addAbortSignal, Readable } from 'node:stream';
import { type BlobStore, checkKey, type LocalFile, type PutOptions } from './blob-store.ts';
import { BlobNotFoundError, BlobTooLargeError } from './errors.ts';

/** Of a data folder that several apps share. */
const BLOBS_FOLDER = 'blobs';
/** Unfinished puts lie here: the same file system, so that a rename is atomic; no key reaches it. */
const UNFINISHED = '.unfinished';
/** A put writes all the time, so an older unfinished file belongs to a process that died. */
const ABANDONED_AFTER_MS = 3_600_000;

export class FileStore implements BlobStore {
  readonly #root: string;

  private constructor(root: string) {
    this.#root = root;
  }

  /** Makes the folder where it is missing and removes what dead processes left unfinished. */
  static async open(root: string): Promise<FileStore> {
    const unfinished = join(root, UNFINISHED);
    await mkdir(unfinished, { recursive: true });
    for (const name of await readdir(unfinished)) {
      const file = join(unfinished, name);
      // Another process may finish or remove it between the two calls.
      const mtimeMs = await stat(file).then(
        (s) => s.mtimeMs,
        () => Date.now(),
      );
      if (Date.now() - mtimeMs > ABANDONED_AFTER_MS) await rm(file, { force: true });
    }
    return new FileStore(root);
  }

  /** The store of a data folder: what the API puts there, the worker finds. */
  static openIn(dataFolder: string): Promise<FileStore> {
    return FileStore.open(join(dataFolder, BLOBS_FOLDER));
  }

  async put(key: string, source: Readable, options: PutOptions = {}): Promise<number> {
    source.on('error', () => {}); // it may break before it is read; reading it throws the error
    try {
      const target = this.#path(key);
      const temporary = join(this.#root, UNFINISHED, randomUUID());
      const file = await open(temporary, 'wx');
      try {
        const bytes = await write(file, source, key, options);
        await makeFolder(dirname(target), this.#root);
        await rename(temporary, target);
        await syncFolder(dirname(target));
        return bytes;
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
    } finally {
      source.destroy();
    }
  }

  async putText(key: string, text: string, options: PutOptions = {}): Promise<number> {
    return this.put(key, Readable.from([Buffer.from(text)]), options);
  }

  async read(key: string): Promise<Readable> {
    const file = await orNotFound(key, open(this.#path(key), 'r'));
    return file.createReadStream();
  }

  async localFile(key: string): Promise<LocalFile> {
    const path = this.#path(key);
    await orNotFound(key, stat(path));
    return { path, [Symbol.asyncDispose]: async () => {} };
  }

  async remove(key: string): Promise<void> {
    await rm(this.#path(key), { force: true });
  }

  async removeAll(folder: string): Promise<void> {
    // The slash keeps a blob of the very name, which is not below the folder.
    await rm(`${this.#path(folder)}${sep}`, { recursive: true, force: true }).catch((error) => {
      if (codeOf(error) !== 'ENOTDIR') throw error;
    });
  }

  #path(key: string): string {
    checkKey(key);
    return join(this.#root, ...key.split('/'));
  }
}

/** Writes and syncs the whole source; closes the file in any case. */
async function write(
  file: FileHandle,
  source: Readable,
  key: string,
  { maxBytes = Number.POSITIVE_INFINITY, signal }: PutOptions,
): Promise<number> {
  let bytes = 0;
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const chunk of source) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw new BlobTooLargeError(key, maxBytes);
      yield chunk;
    }
  }
  try {
    signal?.throwIfAborted();
    if (signal !== undefined) addAbortSignal(signal, source);
    await writeFile(file, counted());
    await file.sync();
    return bytes;
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    await file.close();
  }
}

/** A new folder is durable only once the folder that lists it is synced. */
async function makeFolder(folder: string, root: string): Promise<void> {
  const firstMade = await mkdir(folder, { recursive: true });
  if (firstMade === undefined) return;
  const below = relative(root, folder).split(sep);
  for (let depth = 0; depth < below.length; depth++) {
    await syncFolder(join(root, ...below.slice(0, depth)));
  }
}

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return; // it cannot open folders, and its journal needs no help
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function orNotFound<T>(key: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') throw new BlobNotFoundError(key, { cause: error });
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
