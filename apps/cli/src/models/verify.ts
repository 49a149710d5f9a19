/** `amanuensis models verify`: every byte of a model against its checksums. */

import { basename } from 'node:path';
import {
  describeModelFolder,
  ModelError,
  verifyChecksums,
} from '@amanuensis/pipeline/model-folder';
import { CliError } from '../cli-error.ts';
import { type FoundModel, findModel, findModels } from './model-folders.ts';
import { readSource } from './source-note.ts';

/**
 * Prints a line for each model, and what is wrong with it.
 *
 * @param names models, or paths of their folders; all models where there are none.
 * @throws CliError where one is damaged.
 */
export async function verify(names: readonly string[]): Promise<void> {
  const models = names.length === 0 ? await findModels() : await Promise.all(names.map(findModel));
  let damaged = 0;
  for (const model of models) {
    const damage = await damageOf(model);
    if (damage.isDamaged) damaged++;
    process.stdout.write(`${basename(model.folder)}: ${damage.text}\n`);
  }
  if (damaged > 0) throw new CliError(`${damaged} of ${models.length} models: damaged`);
}

async function damageOf({ folder, isWhisper }: FoundModel) {
  try {
    const { outcome, sums } = await verifyChecksums(folder);
    if (isWhisper) await describeModelFolder(folder); // finds files that are cut off without sums
    const text =
      outcome === 'verified'
        ? `intact (${sums.size} files compared)`
        : 'nothing to compare with: it has no SHA256SUMS, which are recorded when it is first loaded';
    return { isDamaged: false, text };
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    const source = await readSource(folder);
    const repair =
      source === null ? [] : [`\`amanuensis models pull ${source.repository}\` repairs it`];
    return { isDamaged: true, text: ['damaged', error.message, ...repair].join('\n  ') };
  }
}
