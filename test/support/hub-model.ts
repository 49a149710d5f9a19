/** What a model hub knows of a model: files, their checksums, the commit that they make. */

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Files above this are large ones, which git keeps pointers to. */
const LARGE_BYTES = 100_000;
const POINTER_BYTES = 134;

export interface HubFile {
  readonly bytes: Buffer;
  /** What the listing says, where it is not the truth. */
  readonly listedBytes?: number;
}

export interface HubModel {
  readonly files: ReadonlyMap<string, HubFile>;
  /** Without this token the hub denies that there is such a repository. */
  readonly token?: string;
  /** Everybody sees the listing, nobody gets a file. */
  readonly isGated?: boolean;
}

/** Files of a folder as a repository has them, with others in place of or beside them. */
export function filesOf(
  folder: string,
  others: Readonly<Record<string, Buffer | string>> = {},
): Map<string, HubFile> {
  const names = readdirSync(folder).filter((name) => /\.\w+$/.test(name));
  const files = new Map<string, HubFile>(
    names.map((name) => [name, { bytes: readFileSync(join(folder, name)) }]),
  );
  for (const [name, bytes] of Object.entries(others))
    files.set(name, { bytes: Buffer.from(bytes) });
  return files;
}

/** Of what a repository holds: it changes when a file does. */
export function commitOf({ files }: HubModel): string {
  const hash = createHash('sha1');
  for (const [name, { bytes }] of files) hash.update(name).update(gitBlob(bytes));
  return hash.digest('hex');
}

export const isLarge = ({ bytes }: HubFile): boolean => bytes.length > LARGE_BYTES;

/** An entry of a listing. */
export function listingOf(path: string, file: HubFile): object {
  const oid = gitBlob(file.bytes);
  const size = file.listedBytes ?? file.bytes.length;
  if (!isLarge(file)) return { type: 'file', oid, size, path };
  const lfs = { oid: sha256(file.bytes), size, pointerSize: POINTER_BYTES };
  return { type: 'file', oid, size, path, lfs, xetHash: sha256(Buffer.from(oid)) };
}

export const gitBlob = remembered((bytes) =>
  createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex'),
);

export const sha256 = remembered((bytes) => createHash('sha256').update(bytes).digest('hex'));

/** The same files are asked for again and again. */
function remembered(digest: (bytes: Buffer) => string): (bytes: Buffer) => string {
  const digests = new WeakMap<Buffer, string>();
  return (bytes) => {
    const known = digests.get(bytes) ?? digest(bytes);
    digests.set(bytes, known);
    return known;
  };
}
