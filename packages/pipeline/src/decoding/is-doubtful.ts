/** Which texts are not to be trusted, so that their window is decoded anew. */

import type { TranscriptionOptions } from '@amanuensis/contract';

export interface TextQuality {
  /** Sum of log-probabilities of the sampled tokens, the end included, over their number plus one. */
  readonly avgLogprob: number;
  /** Probability of `<|nospeech|>` after start-of-transcript, before any filter. */
  readonly noSpeechProb: number;
  /** Length of the text over its length when compressed; 0 for none. */
  readonly compressionRatio: number;
}

/** Thresholds of null are never passed. */
type Thresholds = Pick<
  TranscriptionOptions,
  'compression_ratio_threshold' | 'logprob_threshold' | 'no_speech_threshold'
>;

/**
 * The text repeats itself, or is unlikely; but not where the window is taken as silent
 * (openai/whisper, `decode_with_fallback`).
 */
export function isDoubtful(
  { compressionRatio, avgLogprob, noSpeechProb }: TextQuality,
  {
    compression_ratio_threshold: maxRatio,
    logprob_threshold: minLogprob,
    no_speech_threshold: maxNoSpeech,
  }: Thresholds,
): boolean {
  const isUnlikely = minLogprob !== null && avgLogprob < minLogprob;
  if (isUnlikely && maxNoSpeech !== null && noSpeechProb > maxNoSpeech) return false;
  return isUnlikely || (maxRatio !== null && compressionRatio > maxRatio);
}
