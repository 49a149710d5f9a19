/** The text of cues: lines, their width, underlines, and who speaks. */

export interface CueText {
  /** To be joined as they are. A line break, if any, leads a piece. */
  readonly pieces: readonly string[];
  /** Index of the piece that is being spoken; null where none is highlighted. */
  readonly highlighted: number | null;
}

/** The text of a cue, the piece that is being spoken underlined, its white space apart. */
export function cueText(
  { pieces, highlighted }: CueText,
  escapeText = (text: string) => text,
): string {
  return pieces
    .map((piece, index) => {
      const text = escapeText(piece);
      return index === highlighted ? text.replace(/^(\s*)(.*)$/s, '$1<u>$2</u>') : text;
    })
    .join('');
}

/** What names the speaker where a format has no words of its own for it. */
export function speakerPrefix(speaker: string | undefined): string {
  return speaker ? `${toOneLine(speaker)}: ` : '';
}

/** A line break inside a text, which may end a cue, is a space. */
export function toOneLine(text: string): string {
  return text.replaceAll(/[\r\n]+/g, ' ');
}

/** Characters as people count them: code points. */
export function widthOf(text: string): number {
  return [...text].length;
}
