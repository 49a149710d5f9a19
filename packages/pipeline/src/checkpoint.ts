/** What must be kept of a recording that is transcribed in part, to go on from there. */

import { z } from 'zod';

const frame = z.int().min(0);

/** Plain data; the segments that were given out so far are kept beside it. */
export const checkpointSchema = z.strictObject({
  /** Channel that is transcribed, where each is on its own; those before it are done. */
  track: z.int().min(0),
  /** Of the track; those before it are done. */
  clip: z.int().min(0),
  /** Where in the clip the next window begins, in frames of what its windows move along. */
  frame,
  /** Windows of the clip that are done, where they are decoded side by side. */
  windowsDone: z.int().min(0),
  language: z.string().nullable(),
  languageProbability: z.number().nullable(),
  /** Tokens that the next window is told it continues. */
  previousTokens: z.array(z.int()),
  lastSpeechFrame: frame,
});
export type Checkpoint = z.infer<typeof checkpointSchema>;
