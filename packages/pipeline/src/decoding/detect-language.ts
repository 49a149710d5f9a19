/** Which language a window speaks, by the token that follows start-of-transcript. */

import type { Lane } from './lane.ts';
import { logNormaliser } from './log-normaliser.ts';

export interface DetectedLanguage {
  readonly language: string;
  /** Among all languages that the model knows. */
  readonly probability: number;
}

export interface LanguageTokens {
  readonly startOfTranscript: number;
  /** Language tokens by Whisper's code. */
  readonly languageTokens: ReadonlyMap<string, number>;
}

/**
 * @param lane holds the window.
 * @throws InferenceError `aborted` when `signal` fires; `run_failed`.
 */
export async function detectLanguage(
  lane: Lane,
  { startOfTranscript, languageTokens }: LanguageTokens,
  signal: AbortSignal,
): Promise<DetectedLanguage> {
  await lane.prefill([startOfTranscript], 0, signal);
  const normaliser = logNormaliser(lane.logits);
  let total = 0;
  let best = { language: '', weight: -1 };
  for (const [language, token] of languageTokens) {
    const weight = Math.exp((lane.logits[token] ?? -Infinity) - normaliser);
    total += weight;
    if (weight > best.weight) best = { language, weight };
  }
  return { language: best.language, probability: best.weight / total };
}
