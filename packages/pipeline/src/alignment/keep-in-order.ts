/** Words and segments one after the other, whatever was done to their times. */

import type { WindowSpan } from '../tokens-to-segments.ts';
import type { TimedWord, WordSegment } from './timed-word.ts';

/**
 * Corrections may give a word its usual length where there is no room for it. Here it loses what
 * lies over its neighbour, or outside the window. Segments take the times of their words; those
 * without words keep their own, as far as their neighbours leave room.
 *
 * @param lastSpeechFrame no word begins before it.
 */
export function keepInOrder(
  segments: readonly WordSegment[],
  { startFrame, nFrames }: WindowSpan,
  lastSpeechFrame: number,
): WordSegment[] {
  const limit = Math.max(startFrame + nFrames, lastSpeechFrame);
  let spokenTo = lastSpeechFrame;
  const ordered = segments.map((segment) => {
    const words = segment.words.map((word): TimedWord => {
      const begin = clamp(word.startFrame, spokenTo, limit);
      spokenTo = clamp(word.endFrame, begin, limit);
      return { ...word, startFrame: begin, endFrame: spokenTo };
    });
    return spanning({ ...segment, words });
  });
  return fitWordless(ordered, lastSpeechFrame);
}

function spanning(segment: WordSegment): WordSegment {
  const [first, last] = [segment.words[0], segment.words.at(-1)];
  if (first === undefined || last === undefined) return segment;
  return { ...segment, startFrame: first.startFrame, endFrame: last.endFrame };
}

/** A segment without words has its text in the word before it, and no time beyond that word. */
function fitWordless(segments: readonly WordSegment[], lastSpeechFrame: number): WordSegment[] {
  if (segments.every(({ words }) => words.length === 0)) return [...segments];
  let reached = lastSpeechFrame;
  return segments.map((segment, index) => {
    if (segment.words.length > 0) {
      reached = segment.endFrame;
      return segment;
    }
    const next = segments.slice(index + 1).find(({ words }) => words.length > 0);
    const limit = next?.startFrame ?? reached;
    const begin = clamp(segment.startFrame, reached, limit);
    reached = clamp(segment.endFrame, begin, limit);
    return { ...segment, startFrame: begin, endFrame: reached };
  });
}

function clamp(value: number, least: number, greatest: number): number {
  return Math.min(Math.max(value, least), greatest);
}
