/** What must be kept of a recording that is transcribed in part, to go on from there. */

import { warningSchema } from '@amanuensis/contract';
import { z } from 'zod';
import { speechStateSchema } from './speech-state.ts';

/** Where in a track the next window begins. */
const trackPositionSchema = z.strictObject({
  /** Of the track; those before it are done. */
  clip: z.int().min(0),
  /** Where windows follow each other: begin of the next one, in frames of what they move along. */
  frame: z.int().min(0),
  /** Where windows are decoded side by side: those of the clip that are done. */
  windowsDone: z.int().min(0),
});
export type TrackPosition = z.infer<typeof trackPositionSchema>;

export const TRACK_BEGIN: TrackPosition = { clip: 0, frame: 0, windowsDone: 0 };

/** Plain data; the segments that were given out so far are kept beside it. */
export const checkpointSchema = z.strictObject({
  /** Channel that is transcribed, where each is on its own; those before it are done. */
  track: z.int().min(0),
  position: trackPositionSchema,
  speech: speechStateSchema,
  /** Of the tracks that are done. */
  warnings: z.array(warningSchema).readonly(),
});
export type Checkpoint = z.infer<typeof checkpointSchema>;
