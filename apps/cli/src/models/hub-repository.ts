/** A model's repository on the hub, at one commit: its files, their checksums and their addresses. */

import { fileDownloadInfo, listFiles, modelInfo } from '@huggingface/hub';
import type { Hub } from './hub.ts';
import { PullError } from './pull-error.ts';

/** A repository of a model has some tens of files. */
const MAX_FILES = 10_000;
const GIT_OID = /^[0-9a-f]{40}$/;
const SHA256 = /^[0-9a-f]{64}$/;

export interface Checksum {
  /** Of large files SHA-256, of others what git calls them by: SHA-1 of a header and the bytes. */
  readonly algorithm: 'sha256' | 'git-blob';
  /** In hex. */
  readonly value: string;
}

export interface RepositoryFile {
  readonly name: string;
  readonly bytes: number;
  readonly checksum: Checksum;
}

export class HubRepository {
  readonly name: string;
  /** A branch moves; what is listed and what is fetched must be of one commit. */
  readonly commit: string;
  readonly #hub: Hub;

  private constructor(name: string, commit: string, hub: Hub) {
    this.name = name;
    this.commit = commit;
    this.#hub = hub;
  }

  /**
   * @param name `openai/whisper-base`.
   * @param revision a branch, a tag, a commit or `refs/pr/1`.
   * @throws PullError.
   */
  static async open(
    name: string,
    revision: string,
    hub: Hub,
    signal: AbortSignal,
  ): Promise<HubRepository> {
    const what = `${name} at revision ${revision}`;
    const { sha } = await hub.call(what, signal, (reach) =>
      modelInfo({ ...reach, name, revision, additionalFields: ['sha'] }),
    );
    if (typeof sha !== 'string' || !GIT_OID.test(sha)) {
      throw new PullError('unexpected_answer', `${hub.endpoint} names no commit of ${what}.`);
    }
    return new HubRepository(name, sha, hub);
  }

  /** Files at the top; there are none of a model below it. */
  async files(signal: AbortSignal): Promise<RepositoryFile[]> {
    const entries = await this.#hub.call(this.name, signal, async (reach) => {
      const listed = [];
      for await (const entry of listFiles({ ...reach, ...this.#place })) {
        if (listed.push(entry) > MAX_FILES) break;
      }
      return listed;
    });
    return entries
      .filter(({ type }) => type === 'file')
      .map(({ path: name, size, oid, lfs }) => ({
        name,
        bytes: lfs?.size ?? size,
        checksum: lfs
          ? this.#checksum(name, 'sha256', lfs.oid, SHA256)
          : this.#checksum(name, 'git-blob', oid, GIT_OID),
      }));
  }

  /** Where the bytes of a file are fetched from; it may redirect to a host of short-lived links. */
  async addressOf(fileName: string, signal: AbortSignal): Promise<string> {
    const what = `${fileName} in ${this.name}`;
    const info = await this.#hub.call(what, signal, (reach) =>
      fileDownloadInfo({ ...reach, ...this.#place, path: fileName }),
    );
    if (info === null) throw new PullError('not_found', `${this.#hub.endpoint} has no ${what}.`);
    return info.url;
  }

  get #place() {
    return { repo: { type: 'model' as const, name: this.name }, revision: this.commit };
  }

  #checksum(
    name: string,
    algorithm: Checksum['algorithm'],
    value: string | undefined,
    pattern: RegExp,
  ): Checksum {
    if (value !== undefined && pattern.test(value)) return { algorithm, value };
    const message = `${this.#hub.endpoint} tells no checksum of ${name} in ${this.name}.`;
    throw new PullError('unexpected_answer', message);
  }
}
