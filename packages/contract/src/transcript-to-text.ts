/** Transcript → plain text, one segment a line (openai/whisper, `WriteTXT`). */

import { speakerPrefix } from './subtitle-text.ts';
import type { Transcript } from './transcript.ts';

/** `Speaker: ` leads the line where the segment has one. */
export function transcriptToText({ segments }: Transcript): string {
  return segments.map(({ speaker, text }) => `${speakerPrefix(speaker)}${text.trim()}\n`).join('');
}
