/** Where models lie on this machine, and which there are. */

import { readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '@amanuensis/config';
import { CliError } from '../cli-error.ts';

/** What came with the program. */
const INSTALLED_MODELS = fileURLToPath(new URL('../../../../models', import.meta.url));
/** What a Whisper has, be it damaged. */
const WHISPER_FILE = /^config\.json$|\.safetensors$/;
/** What models of other kinds have, which come with the program. */
const SUMS_FILE = 'SHA256SUMS';

export interface FoundModel {
  readonly folder: string;
  readonly isWhisper: boolean;
}

/** Where pulled models go: the data folder outlives the installation, and containers share it. */
export function pulledModelsFolder(): string {
  const { dataFolder } = loadConfig(null, {}, { env: process.env, cwd: process.cwd() });
  return join(dataFolder, 'models');
}

/** All models that were pulled or came with the program. */
export async function findModels(): Promise<FoundModel[]> {
  const found: FoundModel[] = [];
  for (const parent of [pulledModelsFolder(), INSTALLED_MODELS]) {
    const names = await entriesOf(parent);
    for (const name of names.filter((entry) => !entry.startsWith('.')).toSorted()) {
      const model = await modelIn(join(parent, name));
      if (model !== null) found.push(model);
    }
  }
  return found;
}

/**
 * @param nameOrPath a model's name, or the path of its folder.
 * @throws CliError where there is none.
 */
export async function findModel(nameOrPath: string): Promise<FoundModel> {
  const named = (await findModels()).find(({ folder }) => basename(folder) === nameOrPath);
  const model = named ?? (await modelIn(resolve(nameOrPath)));
  if (model !== null) return model;
  throw new CliError(
    `There is no model ${nameOrPath}; \`amanuensis models list\` shows those that are there.`,
  );
}

async function modelIn(folder: string): Promise<FoundModel | null> {
  const names = await entriesOf(folder);
  const isWhisper = names.some((name) => WHISPER_FILE.test(name));
  return isWhisper || names.includes(SUMS_FILE) ? { folder, isWhisper } : null;
}

async function entriesOf(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
