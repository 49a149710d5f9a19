/** What is there of a file that is being fetched: it only grows, or begins anew. */

import { type FileHandle, open } from 'node:fs/promises';
import type { RepositoryFile } from './hub-repository.ts';
import { PullError } from './pull-error.ts';

export class PartFile {
  readonly #handle: FileHandle;
  readonly #file: RepositoryFile;
  #length: number;

  private constructor(handle: FileHandle, file: RepositoryFile, length: number) {
    this.#handle = handle;
    this.#file = file;
    this.#length = length;
  }

  /** Takes up what an earlier process left, unless it is more than there is to fetch. */
  static async open(path: string, file: RepositoryFile): Promise<PartFile> {
    const handle = await open(path, 'a+');
    const { size } = await handle.stat();
    if (size <= file.bytes) return new PartFile(handle, file, size);
    await handle.truncate(0);
    return new PartFile(handle, file, 0);
  }

  get length(): number {
    return this.#length;
  }

  get isComplete(): boolean {
    return this.#length === this.#file.bytes;
  }

  async append(chunk: Uint8Array): Promise<void> {
    const { name, bytes } = this.#file;
    if (this.#length + chunk.length > bytes) {
      throw new PullError('unexpected_answer', `${name} is longer than the ${bytes} bytes listed.`);
    }
    try {
      await this.#handle.appendFile(chunk);
    } catch (error) {
      throw new PullError('disk_full', `${name} cannot be written: ${(error as Error).message}`, {
        cause: error,
      });
    }
    this.#length += chunk.length;
  }

  /** Forgets all, and answers how many bytes that were. */
  async restart(): Promise<number> {
    const dropped = this.#length;
    await this.#handle.truncate(0);
    this.#length = 0;
    return dropped;
  }

  /** A checksum is worth little if a power cut takes what it was of. */
  async sync(): Promise<void> {
    await this.#handle.sync();
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
