/** Word errors as the demonstration counts them, which is the command line's business. */

const CLI = new URL('../../apps/cli/dist/', import.meta.url);

export interface WordErrors {
  readonly errors: number;
  readonly words: number;
}

export async function importWordErrorRate(): Promise<
  (expected: string, actual: string) => WordErrors
> {
  const module: { wordErrorRate(expected: string, actual: string): WordErrors } = await import(
    new URL('word-error-rate.js', CLI).href
  );
  return module.wordErrorRate;
}
