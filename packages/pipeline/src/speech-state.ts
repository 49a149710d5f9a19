/** What goes on from one window of a recording to the next. */

import { z } from 'zod';

export const speechStateSchema = z.strictObject({
  /** Whisper's code; null until the first window that speaks is heard, where it was not given. */
  language: z.string().nullable(),
  /** Of the detected language; null where it was given, or the model knows only one. */
  languageProbability: z.number().nullable(),
  /** Tokens that the next window is told it continues. */
  previousTokens: z.array(z.int()).readonly(),
  /** Nobody has spoken yet: the user's prefix is still to be put before what is said. */
  awaitsPrefix: z.boolean(),
  /** Where the last word so far ends, in frames of what the windows move along. */
  lastSpeechFrame: z.int().min(0),
});
export type SpeechState = z.infer<typeof speechStateSchema>;

/** @param previousTokens of the text that the recording is taken to continue. */
export function speechBegin(
  language: string | null,
  previousTokens: readonly number[],
): SpeechState {
  const detected = { language, languageProbability: null };
  return { ...detected, previousTokens, awaitsPrefix: true, lastSpeechFrame: 0 };
}
