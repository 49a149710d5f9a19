/**
 * Where a model is put together: a hidden folder beside the one that it will be.
 *
 * ```
 *   models/.whisper-base.pull/files/model.safetensors.part   while it is fetched
 *   models/.whisper-base.pull/files/model.safetensors        once its checksum is right
 *   models/whisper-base/                                     once all files are
 * ```
 *
 * A process that dies leaves it behind, and the next one goes on from there.
 */

import { copyFile, link, mkdir, readdir, rename, rm, rmdir, stat, statfs } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { recordedFiles } from '@amanuensis/pipeline/model-folder';
import { CliError } from '../cli-error.ts';
import { lockFolder } from '../folder-lock.ts';
import { sha256IfIntact } from './file-digests.ts';
import type { RepositoryFile } from './hub-repository.ts';
import { PullError } from './pull-error.ts';
import { readSource } from './source-note.ts';

const SUMS_FILE = 'SHA256SUMS';

export class ModelStaging {
  /** Complete files, and parts of others. */
  readonly folder: string;
  /** Fires when the lock is lost: another process may write here. */
  readonly lost: AbortSignal;
  readonly #target: string;
  readonly #workFolder: string;
  readonly #release: () => Promise<void>;

  private constructor(target: string, lost: AbortSignal, release: () => Promise<void>) {
    this.#target = target;
    this.#workFolder = workFolderOf(target);
    this.folder = join(this.#workFolder, 'files');
    this.lost = lost;
    this.#release = release;
  }

  /**
   * @param target the model's folder: absent, empty, or fetched from the same repository before.
   * @throws PullError `folder_taken`.
   */
  static async open(
    target: string,
    repository: string,
    signal: AbortSignal,
  ): Promise<ModelStaging> {
    await assertFree(target, repository);
    await mkdir(dirname(target), { recursive: true });
    const lost = new AbortController();
    const { release } = await lockFolder(workFolderOf(target), {
      signal,
      onLost: (reason) => lost.abort(new CliError(`The lock of ${target} was lost: ${reason}`)),
    }).catch((error) => {
      signal.throwIfAborted();
      if (!(error instanceof CliError)) throw error;
      throw new PullError('folder_taken', `Another process is fetching ${target}.`, {
        cause: error,
      });
    });
    const staging = new ModelStaging(target, lost.signal, release);
    await mkdir(staging.folder, { recursive: true });
    return staging;
  }

  /** Removes what belongs to none of the files: another revision may have been fetched here. */
  async keepOnly(files: readonly RepositoryFile[]): Promise<void> {
    const kept = new Set(
      files.flatMap((file) => [join(this.folder, file.name), this.partOf(file)]),
    );
    for (const name of await readdir(this.folder)) {
      const path = join(this.folder, name);
      if (!kept.has(path)) await rm(path, { recursive: true });
    }
  }

  /**
   * Looks whether a file is there already, from an earlier try or in the target, and takes it.
   *
   * @returns its SHA-256 in hex; null where it must be fetched.
   */
  async adopt(file: RepositoryFile, signal: AbortSignal): Promise<string | null> {
    const staged = join(this.folder, file.name);
    const sha256 = await sha256IfIntact(staged, file, signal);
    if (sha256 !== null) return sha256;
    await rm(staged, { force: true });
    const present = join(this.#target, file.name);
    const sha256OfPresent = await sha256IfIntact(present, file, signal);
    if (sha256OfPresent !== null) await linkOrCopy(present, staged);
    return sha256OfPresent;
  }

  partOf({ name }: RepositoryFile): string {
    return join(this.folder, `${name}.part`);
  }

  /** Bytes of a file that an earlier try left. */
  async bytesOfPart(file: RepositoryFile): Promise<number> {
    const bytes = await stat(this.partOf(file)).then(
      ({ size }) => size,
      () => 0,
    );
    return bytes > file.bytes ? 0 : bytes;
  }

  /** A part that is whole becomes its file; one that is not what is listed goes. */
  async accept(file: RepositoryFile, signal: AbortSignal): Promise<string | null> {
    const part = this.partOf(file);
    const sha256 = await sha256IfIntact(part, file, signal);
    if (sha256 === null) await rm(part);
    else await rename(part, join(this.folder, file.name));
    return sha256;
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.folder);
    return bavail * bsize;
  }

  /**
   * Makes the staged files the model: at once where there is no folder yet; file by file over an
   * earlier state of it. `SHA256SUMS` comes last, when the folder is what it says: until then it
   * fits no half-changed folder, and names what the next try has to remove.
   */
  async place(): Promise<void> {
    if (await exists(this.#target)) await this.#placeOver();
    else await rename(this.folder, this.#target);
    await this.discard();
  }

  async #placeOver(): Promise<void> {
    const previous = await recordedFiles(this.#target).catch(() => null); // a damaged list
    const names = await readdir(this.folder);
    const move = (name: string) => rename(join(this.folder, name), join(this.#target, name));
    for (const name of names.filter((staged) => staged !== SUMS_FILE)) await move(name);
    const obsolete = (previous ?? []).filter((name) => !names.includes(name));
    for (const name of obsolete) await rm(join(this.#target, name), { force: true });
    await move(SUMS_FILE);
  }

  /** Removes all that is here. */
  async discard(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  /** What is here stays for the next try. */
  async [Symbol.asyncDispose](): Promise<void> {
    const isEmpty = await rmdir(this.folder).then(
      () => true,
      (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
    );
    if (isEmpty) await rm(this.#workFolder, { recursive: true, force: true });
    await this.#release();
  }
}

const workFolderOf = (target: string): string => join(dirname(target), `.${basename(target)}.pull`);

async function assertFree(target: string, repository: string): Promise<void> {
  const entries = await readdir(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new PullError('folder_taken', `${target} is no folder.`, { cause: error });
  });
  if (entries.length === 0) return;
  const source = await readSource(target);
  if (source?.repository === repository) return;
  const content = source === null ? 'files that were not pulled' : source.repository;
  throw new PullError(
    'folder_taken',
    `${target} holds ${content}: choose another folder with --to, or remove it.`,
  );
}

/** A link costs no space; not every file system has them. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  await link(from, to).catch(() => copyFile(from, to));
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
