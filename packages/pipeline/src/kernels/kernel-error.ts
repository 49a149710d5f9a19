/** Memory that a kernel cannot work on: a mistake of the caller, found before anything is written. */

export class KernelError extends Error {
  readonly code = 'invalid_buffer';

  constructor(message: string) {
    super(message);
    this.name = 'KernelError';
  }
}
