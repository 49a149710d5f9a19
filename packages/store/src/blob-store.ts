/** The port to where bytes lie. A blob is known by its key, never by a path. */

import type { Readable } from 'node:stream';
import { InvalidKeyError } from './errors.ts';

export interface PutOptions {
  /** More bytes than these end the put with a `BlobTooLargeError`. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

/** A blob as a real local file, for programs that read files; read-only, valid until disposed. */
export interface LocalFile extends AsyncDisposable {
  readonly path: string;
}

/**
 * Every implementation runs the suite `test/conformance/blob-store.test.ts`.
 *
 * Every method throws `InvalidKeyError` for a key that {@link checkKey} refuses.
 */
export interface BlobStore {
  /**
   * Streams `source` to the blob `key` with constant memory, in place of an older one.
   *
   * Atomic and durable: once resolved the blob outlives a power cut; a put that fails, is aborted
   * or whose source is cut off leaves what was there before. `source` is destroyed either way.
   *
   * @returns the bytes written.
   * @throws BlobTooLargeError, the reason of `signal`, the error of `source`.
   */
  put(key: string, source: Readable, options?: PutOptions): Promise<number>;
  /** The same for a text that is in memory anyway. */
  putText(key: string, text: string, options?: PutOptions): Promise<number>;
  /** @throws BlobNotFoundError */
  read(key: string): Promise<Readable>;
  /** @throws BlobNotFoundError */
  localFile(key: string): Promise<LocalFile>;
  /** Does nothing where there is no such blob. */
  remove(key: string): Promise<void>;
  /** Removes every blob whose key begins with `folder` and a slash. */
  removeAll(folder: string): Promise<void>;
}

const KEY = /^[a-z0-9_-][a-z0-9._-]*(?:\/[a-z0-9_-][a-z0-9._-]*)*$/;
const MAX_KEY_LENGTH = 512;

/** Keys are `[a-z0-9._-]` parts between slashes; no part begins with a dot, so none climbs out. */
export function checkKey(key: string): void {
  if (key.length > MAX_KEY_LENGTH || !KEY.test(key)) throw new InvalidKeyError(key);
}
