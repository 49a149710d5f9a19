/** A failure whose message is all that the user needs: it is printed without a stack. */

export class CliError extends Error {
  override readonly name = 'CliError';
}
