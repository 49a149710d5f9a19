/** Why a model could not be fetched; the message says what to do. */

import { CliError } from '../cli-error.ts';

export type PullErrorCode =
  /** The hub wants a token, or another one. */
  | 'unauthorized'
  /** The token's owner may not read the repository. */
  | 'forbidden'
  /** No such repository or revision. */
  | 'not_found'
  /** The repository holds no Whisper that this program reads. */
  | 'not_a_model'
  /** It holds a model, but no safetensors. */
  | 'no_safetensors'
  /** No answer, a cut connection, an overloaded server: worth another try. */
  | 'unavailable'
  /** What answers is no hub, or one that speaks otherwise. */
  | 'unexpected_answer'
  | 'checksum_mismatch'
  | 'disk_full'
  /** The folder holds something else, or another process fetches into it. */
  | 'folder_taken';

export class PullError extends CliError {
  readonly code: PullErrorCode;

  constructor(code: PullErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
