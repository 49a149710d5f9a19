/** What makes log-probabilities of logits: a token's is its logit less this. */

import { InferenceError } from '../inference/inference-port.ts';
import { logSumExp } from '../kernels/logits.ts';

/**
 * @param logits [vocabSize] f32.
 * @returns -Infinity where no token is possible.
 * @throws InferenceError `run_failed` where the device answered what is no number: it would become
 *   an empty text without a word of warning.
 */
export function logNormaliser(logits: Float32Array): number {
  const total = logSumExp(logits, 0, logits.length);
  if (Number.isNaN(total)) throw new InferenceError('run_failed', 'The decoder answered NaN');
  return total;
}
