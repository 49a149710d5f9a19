/** Where a program of the system lies. */

import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/** Absolute path of the first executable of that name along PATH; null when there is none. */
export async function findProgram(name: string): Promise<string | null> {
  for (const folder of searchPath().split(delimiter)) {
    if (folder === '') continue;
    const program = join(folder, name);
    try {
      await access(program, constants.X_OK);
      return program;
    } catch {
      // Not here: the next folder may have it.
    }
  }
  return null;
}

export function searchPath(): string {
  return process.env.PATH ?? '';
}
