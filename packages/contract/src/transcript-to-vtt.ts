/** Transcript → WebVTT captions (https://www.w3.org/TR/webvtt1/; openai/whisper, `WriteVTT`). */

import { transcriptToCues } from './subtitle-cues.ts';
import type { SubtitleOptions } from './subtitle-options.ts';
import { cueText, toOneLine } from './subtitle-text.ts';
import { vttTimestamp } from './timestamp.ts';
import type { Transcript } from './transcript.ts';

/**
 * A cue whose speaker is known lies in a voice span. Other than in the reference, whose captions a
 * player misreads, `&`, `<` and `>` are escaped.
 */
export function transcriptToVtt(transcript: Transcript, options: SubtitleOptions = {}): string {
  const cues = transcriptToCues(transcript, options, () => 0).map((cue) => {
    const span = `${vttTimestamp(cue.start)} --> ${vttTimestamp(cue.end)}`;
    const text = cueText(cue, escapeText).replaceAll(/(?<!-)-{2,}&gt;/g, '-&gt;');
    return `${span}\n${voiceTag(cue.speaker)}${text}\n\n`;
  });
  return `WEBVTT\n\n${cues.join('')}`;
}

/** It holds to the end of its cue. */
function voiceTag(speaker: string | undefined): string {
  return speaker ? `<v ${escapeText(toOneLine(speaker))}>` : '';
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
