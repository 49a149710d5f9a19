/** Transcript → SubRip subtitles. */

import { formatTimestamp } from './timestamp.ts';
import type { Transcript } from './transcript.ts';

/** `-->` inside a text would end its cue, so it is written as `->`. */
export function transcriptToSrt({ segments }: Transcript): string {
  return segments
    .map(({ start, end, text }, index) => {
      const span = `${formatTimestamp(start, ',')} --> ${formatTimestamp(end, ',')}`;
      return `${index + 1}\n${span}\n${text.trim().replaceAll('-->', '->')}\n\n`;
    })
    .join('');
}
