/** A model that cannot be used; the message says which file and why. */

export type ModelErrorCode =
  | 'missing_file'
  | 'invalid_file'
  | 'checksum_mismatch'
  | 'unsupported_model'
  /** The cache of graphs and weights cannot be written. */
  | 'cache_failed';

export class ModelError extends Error {
  readonly code: ModelErrorCode;

  constructor(code: ModelErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ModelError';
    this.code = code;
  }
}
