/** Options that a model or a device cannot honour are refused, before anything is done. */

import { CodedError, type TranscriptionOptions } from '@amanuensis/contract';
import type { WhisperModel } from './model/load-whisper.ts';

/**
 * The language to begin with: null where it is to be detected.
 *
 * @throws CodedError `invalid_request` that names the option.
 */
export function checkOptions(
  options: TranscriptionOptions,
  { tokenizer, dimensions }: Pick<WhisperModel, 'tokenizer' | 'dimensions'>,
  lanesPerJob: number,
): string | null {
  if (options.beam_size > lanesPerJob) {
    refuse(`beam_size: this device follows at most ${lanesPerJob} hypotheses of a job`);
  }
  const unknown = options.suppress_tokens.find((token) => token >= dimensions.vocabSize);
  if (unknown !== undefined) refuse(`suppress_tokens: the model has no token ${unknown}`);
  if (options.task === 'translate' && !tokenizer.isMultilingual) {
    refuse('task: the model knows English only and cannot translate');
  }
  if (options.language === undefined) return tokenizer.isMultilingual ? null : 'en';
  const language = tokenizer.languageCode(options.language);
  if (language === null) refuse(`language: the model does not know '${options.language}'`);
  return language;
}

function refuse(reason: string): never {
  throw new CodedError('invalid_request', reason);
}
