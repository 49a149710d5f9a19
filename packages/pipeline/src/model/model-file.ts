/** Reads the text and JSON files of a model folder. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ModelError } from './model-error.ts';

/** @throws ModelError `missing_file` or `invalid_file`. */
export async function readModelJson(folder: string, fileName: string): Promise<unknown> {
  return parseJson(await readModelText(folder, fileName), join(folder, fileName));
}

/**
 * A file that not every published folder has; null where it is absent.
 *
 * @throws ModelError `missing_file` where it is there and cannot be read; `invalid_file`.
 */
export async function readOptionalModelJson(folder: string, fileName: string): Promise<unknown> {
  try {
    return await readModelJson(folder, fileName);
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}

/** @throws ModelError `missing_file`. */
export async function readModelText(folder: string, fileName: string): Promise<string> {
  try {
    return await readFile(join(folder, fileName), 'utf8');
  } catch (error) {
    const reason = isErrnoOfAbsence(error) ? 'is missing' : 'cannot be read';
    throw new ModelError('missing_file', `${join(folder, fileName)} ${reason}`, { cause: error });
  }
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ModelError('invalid_file', `${path} is not JSON`, { cause: error });
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof ModelError && isErrnoOfAbsence(error.cause);
}

function isErrnoOfAbsence(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
}
