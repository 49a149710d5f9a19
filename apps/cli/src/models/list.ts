/** `amanuensis models list`: the models on this machine. */

import { basename, relative } from 'node:path';
import {
  type ChecksumState,
  checksumState,
  describeModelFolder,
  ModelError,
  type ModelFolder,
  modelFolderBytes,
} from '@amanuensis/pipeline/model-folder';
import Table from 'cli-table3';
import { formatBytes } from './format-bytes.ts';
import { findModels } from './model-folders.ts';
import { type ModelSource, readSource } from './source-note.ts';

/** More languages than this are counted, not named. */
const MAX_NAMED_LANGUAGES = 4;

/** What `--json` prints of each model. */
interface ListedModel {
  readonly name: string;
  readonly folder: string;
  readonly bytes: number;
  readonly checksums: ChecksumState;
  /** Null where it was not pulled. */
  readonly source: ModelSource | null;
  /** Null where the folder holds no Whisper, or a damaged one. */
  readonly whisper: ModelFolder | null;
  /** Why it is none. */
  readonly problem: string | null;
}

export async function list({ json = false }: { readonly json?: boolean }): Promise<void> {
  const models: ListedModel[] = [];
  for (const { folder, isWhisper } of await findModels()) {
    if (isWhisper) models.push(await describe(folder));
  }
  process.stdout.write(`${json ? JSON.stringify(models, null, 2) : toTable(models)}\n`);
}

/** `72.6 M parameters (F32)`. */
export function describeParameters({ parameters, weightTypes }: ModelFolder): string {
  return `${(parameters / 1e6).toPrecision(3)} M parameters (${weightTypes.join(', ')})`;
}

export function describeLanguages({ languages }: ModelFolder): string {
  return languages.length > MAX_NAMED_LANGUAGES
    ? `${languages.length} languages`
    : languages.join(', ');
}

async function describe(folder: string): Promise<ListedModel> {
  const facts = {
    name: basename(folder),
    folder,
    source: await readSource(folder),
    bytes: await modelFolderBytes(folder),
  };
  try {
    const checksums = await checksumState(folder);
    return { ...facts, checksums, whisper: await describeModelFolder(folder), problem: null };
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    return { ...facts, checksums: 'none', whisper: null, problem: error.message };
  }
}

function toTable(models: readonly ListedModel[]): string {
  const table = new Table({
    head: ['model', 'size', 'languages', 'checksums', 'from', 'folder'],
    style: { head: [], border: [] },
  });
  for (const { name, folder, bytes, checksums, source, whisper } of models) {
    table.push([
      name,
      whisper ? `${describeParameters(whisper)}\n${formatBytes(bytes)}` : formatBytes(bytes),
      whisper ? describeLanguages(whisper) : '',
      checksums,
      source?.repository ?? '',
      relative(process.cwd(), folder),
    ]);
  }
  const problems = models.flatMap(({ name, problem }) => (problem ? [`${name}: ${problem}`] : []));
  return [table.toString(), ...problems].join('\n');
}
