/** The file of a model folder that says where it was fetched from: `openai/whisper-base@COMMIT`. */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const SOURCE_FILE = 'SOURCE';
const LINE = /^(\S+)@([0-9a-f]{40})$/;

export interface ModelSource {
  readonly repository: string;
  readonly commit: string;
}

/** Null where the folder was not fetched. */
export async function readSource(folder: string): Promise<ModelSource | null> {
  const text = await readFile(join(folder, SOURCE_FILE), 'utf8').catch(() => '');
  const [, repository, commit] = LINE.exec(text.trim()) ?? [];
  return repository === undefined || commit === undefined ? null : { repository, commit };
}

export async function writeSource(
  folder: string,
  { repository, commit }: ModelSource,
): Promise<void> {
  await writeFile(join(folder, SOURCE_FILE), `${repository}@${commit}\n`);
}
