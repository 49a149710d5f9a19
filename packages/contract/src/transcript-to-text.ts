/** Transcript → plain text, one segment a line. */

import type { Transcript } from './transcript.ts';

export function transcriptToText({ segments }: Transcript): string {
  return segments.map(({ text }) => `${text.trim()}\n`).join('');
}
