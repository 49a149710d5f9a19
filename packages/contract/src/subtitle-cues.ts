/** Transcript → cues: what is shown from when to when, laid out in lines as openai/whisper does it. */

import type { SubtitleOptions } from './subtitle-options.ts';
import { type CueText, toOneLine, widthOf } from './subtitle-text.ts';
import { toMilliseconds } from './timestamp.ts';
import type { Segment, Transcript, Word } from './transcript.ts';

/** From the start of one word to that of the next: such a pause ends a cue that may run on. */
const LONG_PAUSE_SECONDS = 3;

/** Times are seconds from the start of the recording. */
export interface Cue extends CueText {
  readonly start: number;
  readonly end: number;
  readonly speaker: string | undefined;
}

/**
 * Cues in the order of the segments. A segment without word times is a cue of one line; a speaker
 * always begins a new one. Segments without text make none.
 *
 * @param speakerWidth characters that the format puts before the first line to name the speaker.
 */
export function transcriptToCues(
  { segments }: Transcript,
  options: SubtitleOptions,
  speakerWidth: (speaker: string | undefined) => number,
): Cue[] {
  const layout = new CueLayout(options, speakerWidth);
  for (const segment of segments) {
    const { words = [] } = segment;
    if (words.length === 0) layout.addSegment(segment);
    for (const [index, word] of words.entries()) layout.addWord(word, index, segment);
  }
  return layout.end();
}

/** A cue whose words still come in. */
interface OpenCue {
  readonly speaker: string | undefined;
  /** With the text as it is shown. */
  readonly words: Word[];
  lineCount: number;
  /** Characters of its last line. */
  lineWidth: number;
}

class CueLayout {
  readonly #maxLineWidth: number;
  readonly #maxLineCount: number;
  readonly #maxWordsPerLine: number;
  readonly #highlightsWords: boolean;
  /** Whether each segment begins a cue. */
  readonly #keepsSegments: boolean;
  readonly #speakerWidth: (speaker: string | undefined) => number;
  readonly #cues: Cue[] = [];
  #open: OpenCue | null = null;

  constructor(options: SubtitleOptions, speakerWidth: (speaker: string | undefined) => number) {
    const { max_line_width, max_line_count, max_words_per_line, highlight_words } = options;
    this.#maxLineWidth = max_line_width ?? Number.POSITIVE_INFINITY;
    this.#maxLineCount = max_line_count ?? Number.POSITIVE_INFINITY;
    this.#maxWordsPerLine = max_words_per_line ?? Number.POSITIVE_INFINITY;
    this.#highlightsWords = highlight_words ?? false;
    this.#keepsSegments = max_line_width === undefined || max_line_count === undefined;
    this.#speakerWidth = speakerWidth;
  }

  addSegment({ start, end, speaker, text }: Segment): void {
    this.#close();
    const piece = toOneLine(text).trim();
    if (piece === '') return;
    this.#cues.push({ start, end, speaker, pieces: [piece], highlighted: null });
  }

  addWord(word: Word, index: number, segment: Segment): void {
    const text = toOneLine(word.word);
    const speaker = word.speaker ?? segment.speaker;
    const open = this.#open;
    if (open === null || this.#beginsCue(word, speaker, index, open)) {
      this.#begin({ ...word, word: text.trim() }, speaker);
    } else if (open.lineWidth > 0 && open.lineWidth + widthOf(text) <= this.#maxLineWidth) {
      open.words.push({ ...word, word: text });
      open.lineWidth += widthOf(text);
    } else if (open.lineCount < this.#maxLineCount) {
      const isBlank = open.lineWidth === 0;
      open.words.push({ ...word, word: `${isBlank ? '' : '\n'}${text.trim()}` });
      open.lineCount += isBlank ? 0 : 1;
      open.lineWidth = widthOf(text.trim());
    } else {
      this.#begin({ ...word, word: text.trim() }, speaker);
    }
  }

  end(): Cue[] {
    this.#close();
    return this.#cues;
  }

  #beginsCue({ start }: Word, speaker: string | undefined, index: number, open: OpenCue): boolean {
    if (speaker !== open.speaker) return true;
    if (this.#keepsSegments) return index % this.#maxWordsPerLine === 0;
    return start - (open.words.at(-1)?.start ?? start) > LONG_PAUSE_SECONDS;
  }

  #begin(word: Word, speaker: string | undefined): void {
    this.#close();
    const lineWidth = this.#speakerWidth(speaker) + widthOf(word.word);
    this.#open = { speaker, words: [word], lineCount: 1, lineWidth };
  }

  #close(): void {
    const { words = [], speaker } = this.#open ?? {};
    this.#open = null;
    const [first] = words;
    const last = words.at(-1);
    const pieces = words.map(({ word }) => word);
    if (first === undefined || last === undefined || pieces.every((piece) => piece.trim() === '')) {
      return;
    }
    const cue = { start: first.start, end: last.end, speaker, pieces, highlighted: null };
    this.#cues.push(...(this.#highlightsWords ? highlight(cue, words) : [cue]));
  }
}

/** One cue a word, and the cue as it is between words. */
function highlight(cue: Cue, words: readonly Word[]): Cue[] {
  let shownUntil = cue.start;
  return words.flatMap(({ start, end }, highlighted) => {
    const before = { ...cue, start: shownUntil, end: start };
    const isApart = toMilliseconds(shownUntil) !== toMilliseconds(start);
    shownUntil = end;
    return [...(isApart ? [before] : []), { ...cue, start, end, highlighted }];
  });
}
