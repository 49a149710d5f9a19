/** A model folder that cannot be used; the message says which file and why. */

export type ModelErrorCode =
  | 'missing_file'
  | 'invalid_file'
  | 'checksum_mismatch'
  | 'unsupported_model';

export class ModelError extends Error {
  readonly code: ModelErrorCode;

  constructor(code: ModelErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ModelError';
    this.code = code;
  }
}
