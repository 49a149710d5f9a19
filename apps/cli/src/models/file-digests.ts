/** Checksums of a file in one reading. */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { RepositoryFile } from './hub-repository.ts';

const CHUNK_BYTES = 1024 * 1024;

/** The file's SHA-256 in hex where it is what the repository lists; null where it is not, or absent. */
export async function sha256IfIntact(
  path: string,
  { bytes, checksum }: RepositoryFile,
  signal: AbortSignal,
): Promise<string | null> {
  const size = await stat(path).then(
    (stats) => (stats.isFile() ? stats.size : null),
    () => null,
  );
  if (size !== bytes) return null;
  const sha256 = createHash('sha256');
  const gitBlob = createHash('sha1').update(`blob ${bytes}\0`);
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES })) {
    signal.throwIfAborted();
    sha256.update(chunk as Buffer);
    if (checksum.algorithm === 'git-blob') gitBlob.update(chunk as Buffer);
  }
  const digest = sha256.digest('hex');
  const found = checksum.algorithm === 'sha256' ? digest : gitBlob.digest('hex');
  return found === checksum.value ? digest : null;
}
