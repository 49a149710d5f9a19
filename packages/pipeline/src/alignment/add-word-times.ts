/** Words of a window → the segments that they are said in (openai/whisper, `add_word_timestamps`). */

import type { FrameSegment, WindowSpan } from '../tokens-to-segments.ts';
import { cutAtSentences, settleEdges, usualDurationFrames } from './cut-long-words.ts';
import { keepInOrder } from './keep-in-order.ts';
import { mergePunctuations, type Punctuations } from './merge-punctuations.ts';
import type { TimedWord, WordSegment } from './timed-word.ts';

export interface WordTimesOptions extends Punctuations {
  readonly span: WindowSpan;
  /** Where the last word before this window ends, in frames of the recording; 0 at its start. */
  readonly lastSpeechFrame: number;
  /** Tokens below it are text. */
  readonly endOfText: number;
}

/**
 * Gives each segment its words, and the times from its first to its last.
 *
 * @param words those of all segments' text tokens, punctuation not merged yet.
 * @returns segments whose words are in order, inside their segment and the window, and not before
 *   `lastSpeechFrame`. Segments do not overlap.
 */
export function addWordTimes(
  segments: readonly FrameSegment[],
  words: readonly TimedWord[],
  options: WordTimesOptions,
): WordSegment[] {
  const usualFrames = usualDurationFrames(words);
  const cut = cutAtSentences(words, 2 * usualFrames);
  const parts = distribute(segments, mergePunctuations(cut, options), options.endOfText);
  let { lastSpeechFrame } = options;
  const settled = parts.map((segment) => {
    const part = settleEdges(segment, usualFrames, lastSpeechFrame);
    if (part.words.length > 0) lastSpeechFrame = part.endFrame;
    return part;
  });
  return keepInOrder(settled, options.span, options.lastSpeechFrame);
}

/** A word belongs to the segment that its first token is in. */
function distribute(
  segments: readonly FrameSegment[],
  words: readonly TimedWord[],
  endOfText: number,
): WordSegment[] {
  let nTokens = 0;
  let nSaid = 0;
  let next = 0;
  return segments.map((segment) => {
    nTokens += segment.tokens.filter((token) => token < endOfText).length;
    const own: TimedWord[] = [];
    for (; nSaid < nTokens; next++) {
      const word = words[next];
      if (word === undefined) break;
      nSaid += word.tokens.length;
      if (word.word !== '') own.push(word);
    }
    return { ...segment, words: own };
  });
}
