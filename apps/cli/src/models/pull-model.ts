/** Fetches a model from the hub into a folder: all of it and as published, or nothing. */

import {
  describeModelFolder,
  ModelError,
  type ModelFolder,
  readLanguages,
  recordChecksums,
} from '@amanuensis/pipeline/model-folder';
import { DEFAULT_PATIENCE, downloadFile, type Patience } from './download-file.ts';
import { formatBytes } from './format-bytes.ts';
import { Hub, type HubOptions } from './hub.ts';
import { HubRepository, type RepositoryFile } from './hub-repository.ts';
import { chooseModelFiles } from './model-files.ts';
import { ModelStaging } from './model-staging.ts';
import { PullError } from './pull-error.ts';
import type { PullProgress } from './pull-progress.ts';
import { writeSource } from './source-note.ts';

/** A file whose bytes are not those listed is fetched once more from its beginning. */
const ROUNDS_PER_FILE = 2;

export interface PullOptions {
  /** `openai/whisper-base`. */
  readonly repository: string;
  readonly revision: string;
  /** The folder that becomes the model; absolute. */
  readonly folder: string;
  readonly hub: HubOptions;
  readonly progress: PullProgress;
  readonly signal: AbortSignal;
  readonly patience?: Patience;
}

export interface PulledModel extends ModelFolder {
  readonly commit: string;
  readonly bytes: number;
  /** How many of the bytes came over the network. */
  readonly fetchedBytes: number;
}

/**
 * @throws PullError; ModelError where the files are no Whisper; the signal's reason when it fires.
 */
export async function pullModel(options: PullOptions): Promise<PulledModel> {
  const { repository: name, revision, folder } = options;
  const hub = new Hub(options.hub);
  const repository = await HubRepository.open(name, revision, hub, options.signal);
  const files = chooseModelFiles(name, await repository.files(options.signal));
  await using staging = await ModelStaging.open(folder, name, options.signal);
  const signal = AbortSignal.any([options.signal, staging.lost]);
  const pull = new Pull(hub, repository, staging, { ...options, signal });
  const sums = await pull.fetchAll(files);
  const described = await describeModelFolder(staging.folder);
  await writeSource(staging.folder, { repository: name, commit: repository.commit });
  if (!(await recordChecksums(staging.folder, { sums }))) {
    throw new PullError('disk_full', `SHA256SUMS cannot be written into ${staging.folder}.`);
  }
  signal.throwIfAborted();
  await staging.place();
  const { commit } = repository;
  return { ...described, commit, bytes: bytesOf(files), fetchedBytes: pull.fetchedBytes };
}

/** One pull under way. */
class Pull {
  fetchedBytes = 0;
  readonly #hub: Hub;
  readonly #repository: HubRepository;
  readonly #staging: ModelStaging;
  readonly #options: PullOptions;

  constructor(hub: Hub, repository: HubRepository, staging: ModelStaging, options: PullOptions) {
    this.#hub = hub;
    this.#repository = repository;
    this.#staging = staging;
    this.#options = options;
  }

  /** SHA-256 by name of all files, which then lie in the staging folder. */
  async fetchAll(files: readonly RepositoryFile[]): Promise<ReadonlyMap<string, string>> {
    const { progress, signal } = this.#options;
    await this.#staging.keepOnly(files);
    const sums = new Map<string, string>();
    for (const file of files) {
      const sha256 = await this.#staging.adopt(file, signal);
      if (sha256 !== null) sums.set(file.name, sha256);
    }
    const missing = files.filter(({ name }) => !sums.has(name));
    const missingBytes = await this.#assertSpaceFor(missing);
    progress.begin(bytesOf(files), bytesOf(files) - missingBytes);
    const isWeights = ({ name }: RepositoryFile) => name.endsWith('.safetensors');
    for (const file of missing.filter((file) => !isWeights(file))) {
      sums.set(file.name, await this.#fetch(file));
    }
    await this.#assertWhisper(); // before gigabytes come
    for (const file of missing.filter(isWeights)) sums.set(file.name, await this.#fetch(file));
    return new Map([...sums].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  async #assertWhisper(): Promise<void> {
    try {
      await readLanguages(this.#staging.folder);
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      await this.#staging.discard();
      const message = `${this.#repository.name} is no Whisper that can be used: ${error.message}`;
      throw new PullError('not_a_model', message, { cause: error });
    }
  }

  async #fetch(file: RepositoryFile): Promise<string> {
    const { signal, progress, patience = DEFAULT_PATIENCE } = this.#options;
    progress.file(file.name);
    for (let round = 0; round < ROUNDS_PER_FILE; round++) {
      await downloadFile(this.#staging.partOf(file), file, {
        hub: this.#hub,
        repository: this.#repository,
        signal,
        patience,
        onRetry: (reason) => progress.retry(reason),
        onBytes: (bytes) => {
          this.fetchedBytes += Math.max(bytes, 0);
          progress.advance(bytes);
        },
      });
      const sha256 = await this.#staging.accept(file, signal);
      if (sha256 !== null) return sha256;
      progress.retry(`${file.name} is not what the hub lists`);
      progress.advance(-file.bytes);
    }
    throw new PullError(
      'checksum_mismatch',
      `${file.name} came twice with other bytes than ${this.#hub.endpoint} lists.`,
    );
  }

  /** @returns the bytes that are still to come. */
  async #assertSpaceFor(missing: readonly RepositoryFile[]): Promise<number> {
    let bytes = bytesOf(missing);
    for (const file of missing) bytes -= await this.#staging.bytesOfPart(file);
    const free = await this.#staging.freeBytes();
    if (bytes <= free) return bytes;
    throw new PullError(
      'disk_full',
      `${formatBytes(bytes)} are to come, and ${this.#options.folder} has ${formatBytes(free)} free.`,
    );
  }
}

const bytesOf = (files: readonly RepositoryFile[]): number =>
  files.reduce((sum, { bytes }) => sum + bytes, 0);
