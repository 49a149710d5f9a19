/** Transcript → tab-separated values: start and end in milliseconds, text (openai/whisper, `WriteTSV`). */

import { toMilliseconds } from './timestamp.ts';
import type { Transcript } from './transcript.ts';

/** Tabs and line breaks inside a text are spaces: a segment is a row. */
export function transcriptToTsv({ segments }: Transcript): string {
  const rows = segments.map(({ start, end, text }) => {
    const cell = text.trim().replaceAll(/[\t\r\n]/g, ' ');
    return `${toMilliseconds(start)}\t${toMilliseconds(end)}\t${cell}\n`;
  });
  return `start\tend\ttext\n${rows.join('')}`;
}
