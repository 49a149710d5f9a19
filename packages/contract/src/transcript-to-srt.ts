/** Transcript → SubRip subtitles (openai/whisper, `WriteSRT`). */

import { transcriptToCues } from './subtitle-cues.ts';
import type { SubtitleOptions } from './subtitle-options.ts';
import { cueText, speakerPrefix, widthOf } from './subtitle-text.ts';
import { srtTimestamp } from './timestamp.ts';
import type { Transcript } from './transcript.ts';

/**
 * `Speaker: ` leads the first line of a cue whose speaker is known, and counts as part of it.
 * SubRip cannot escape, so what looks like markup in a text stays as it is.
 */
export function transcriptToSrt(transcript: Transcript, options: SubtitleOptions = {}): string {
  const speakerWidth = (speaker: string | undefined): number => widthOf(speakerPrefix(speaker));
  return transcriptToCues(transcript, options, speakerWidth)
    .map((cue, index) => {
      const span = `${srtTimestamp(cue.start)} --> ${srtTimestamp(cue.end)}`;
      const text = withoutArrows(`${speakerPrefix(cue.speaker)}${cueText(cue)}`);
      return `${index + 1}\n${span}\n${text}\n\n`;
    })
    .join('');
}

/**
 * `-->` inside a text would end its cue; so would `--->` if only its last three characters were
 * replaced. The look behind keeps long runs of dashes, which models make up, linear.
 */
function withoutArrows(text: string): string {
  return text.replaceAll(/(?<!-)-{2,}>/g, '->');
}
