/** Reads the JSON files of a model folder. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ModelError } from './model-error.ts';

/** @throws ModelError `missing_file` or `invalid_file`. */
export async function readModelJson(folder: string, fileName: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(join(folder, fileName), 'utf8');
  } catch (error) {
    const reason =
      (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'is missing' : 'cannot be read';
    throw new ModelError('missing_file', `${join(folder, fileName)} ${reason}`, { cause: error });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ModelError('invalid_file', `${join(folder, fileName)} is not JSON`, { cause: error });
  }
}
