/** Transcript → WebVTT captions (https://www.w3.org/TR/webvtt1/). */

import { formatTimestamp } from './timestamp.ts';
import type { Transcript } from './transcript.ts';

/** Hours are written always, which WebVTT allows. `&`, `<` and `>` are escaped. */
export function transcriptToVtt({ segments }: Transcript): string {
  const cues = segments.map(({ start, end, text }) => {
    const span = `${formatTimestamp(start, '.')} --> ${formatTimestamp(end, '.')}`;
    return `${span}\n${escapeCueText(text.trim())}\n\n`;
  });
  return `WEBVTT\n\n${cues.join('')}`;
}

function escapeCueText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
