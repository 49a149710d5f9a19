/**
 * What a model folder holds, for those who keep such folders and load no model.
 *
 * A way into the package of its own: nothing behind it loads native code.
 */

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { WhisperTokenizer } from '../tokenizer/whisper-tokenizer.ts';
import { modelFiles, recordedFiles } from './checksums.ts';
import { readFolderTensors } from './safetensors-folder.ts';
import { readDimensions, readGenerationConfig } from './whisper-config.ts';

export { recordChecksums, recordedFiles, verifyChecksums } from './checksums.ts';
export { ModelError } from './model-error.ts';

/**
 * `recorded`: all files that `SHA256SUMS` lists are there. `incomplete`: some are not. `none`: the
 * folder has no `SHA256SUMS`.
 */
export type ChecksumState = 'recorded' | 'incomplete' | 'none';

export interface ModelFolder {
  readonly parameters: number;
  /** How safetensors names the types of the weights, without repetition: `F16`. */
  readonly weightTypes: readonly string[];
  /** Whisper's codes of the languages that it knows. */
  readonly languages: readonly string[];
}

/**
 * Reads the settings, the vocabulary and the headers of the weights.
 *
 * @throws ModelError when the folder holds no Whisper, or one whose files are damaged.
 */
export async function describeModelFolder(folder: string): Promise<ModelFolder> {
  const languages = await readLanguages(folder);
  const tensors = [...(await readFolderTensors(folder)).values()];
  return {
    parameters: tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
    weightTypes: [...new Set(tensors.map(({ type }) => type))].toSorted(),
    languages,
  };
}

/**
 * The languages that a Whisper knows; all that is small in its folder is read for it.
 *
 * @throws ModelError when the settings and the vocabulary are not those of a Whisper.
 */
export async function readLanguages(folder: string): Promise<readonly string[]> {
  await readDimensions(folder);
  const tokenizer = await WhisperTokenizer.open(folder, await readGenerationConfig(folder));
  return tokenizer.languageCodes;
}

/** Bytes of the files that make the model. */
export async function modelFolderBytes(folder: string): Promise<number> {
  const sizes = (await modelFiles(folder)).map(
    async (name) => (await stat(join(folder, name))).size,
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/** Looks whether the files are there, and does not read them. */
export async function checksumState(folder: string): Promise<ChecksumState> {
  const recorded = await recordedFiles(folder);
  if (recorded === null) return 'none';
  const present = new Set(await modelFiles(folder));
  return recorded.every((name) => present.has(name)) ? 'recorded' : 'incomplete';
}
