/**
 * Words of usual length where a sentence or a segment begins or ends (openai/whisper,
 * `add_word_timestamps`): there alignment stretches a word over the silence beside it.
 */

import { FRAMES_PER_SECOND } from '../hyperparameters.ts';
import { durationFrames, type TimedWord, type WordSegment } from './timed-word.ts';

/** No word is usually longer than this. */
const MAX_USUAL_FRAMES = 0.7 * FRAMES_PER_SECOND;
/** Where segment and word disagree by more, the segment is believed. */
const TRUSTED_FRAMES = 0.5 * FRAMES_PER_SECOND;
const SENTENCE_END_MARKS = '.。!！?？';

/** Median of the words that last at all, in frames: whole, since words begin at even ones. */
export function usualDurationFrames(words: readonly TimedWord[]): number {
  const sorted = words
    .map(durationFrames)
    .filter((frames) => frames !== 0)
    .sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const lower = sorted[Math.ceil(middle) - 1] ?? 0;
  const upper = sorted[Math.floor(middle)] ?? 0;
  return Math.min(MAX_USUAL_FRAMES, (lower + upper) / 2);
}

/** The mark that ends a sentence, and the word after it, last no longer than `maxFrames`. */
export function cutAtSentences(words: readonly TimedWord[], maxFrames: number): TimedWord[] {
  return words.map((word, index) => {
    const previous = words[index - 1];
    if (previous === undefined || durationFrames(word) <= maxFrames) return word;
    if (isSentenceEnd(word)) return { ...word, endFrame: word.startFrame + maxFrames };
    if (isSentenceEnd(previous)) return { ...word, startFrame: word.endFrame - maxFrames };
    return word;
  });
}

function isSentenceEnd({ word }: TimedWord): boolean {
  return SENTENCE_END_MARKS.includes(word);
}

/**
 * Cuts what a segment begins and ends with, and gives the segment the times of its words, except
 * where it is the segment that is believed.
 *
 * @param lastSpeechFrame where the last word before the segment ends.
 */
export function settleEdges(
  segment: WordSegment,
  usualFrames: number,
  lastSpeechFrame: number,
): WordSegment {
  const words = cutAfterPause(segment.words, usualFrames, lastSpeechFrame);
  return settleEnd(settleStart({ ...segment, words }, usualFrames), usualFrames);
}

/**
 * The first two words after a pause last no longer than twice what is usual, each. (The pause being
 * longer than both together, nothing is moved before it; the reference's bounds cannot take effect.)
 */
function cutAfterPause(
  words: readonly TimedWord[],
  usualFrames: number,
  lastSpeechFrame: number,
): readonly TimedWord[] {
  const [first, second, ...others] = words;
  if (first === undefined) return words;
  const maxFrames = 2 * usualFrames;
  const isAfterPause = first.endFrame - lastSpeechFrame > 2 * maxFrames;
  const areTwoLong = second !== undefined && second.endFrame - first.startFrame > 2 * maxFrames;
  if (!isAfterPause || !(durationFrames(first) > maxFrames || areTwoLong)) return words;
  if (second === undefined || durationFrames(second) <= maxFrames) {
    return [{ ...first, startFrame: first.endFrame - maxFrames }, ...words.slice(1)];
  }
  const boundary = second.endFrame - maxFrames;
  return [
    { ...first, startFrame: boundary - maxFrames, endFrame: boundary },
    { ...second, startFrame: boundary },
    ...others,
  ];
}

/** A first word that begins long before its segment does is cut to it. */
function settleStart(segment: WordSegment, usualFrames: number): WordSegment {
  const [first, ...others] = segment.words;
  if (first === undefined) return segment;
  const isCut =
    segment.startFrame < first.endFrame && segment.startFrame - TRUSTED_FRAMES > first.startFrame;
  if (!isCut) return { ...segment, startFrame: first.startFrame };
  const startFrame = Math.max(0, Math.min(first.endFrame - usualFrames, segment.startFrame));
  return { ...segment, words: [{ ...first, startFrame }, ...others] };
}

/** A last word that ends long after its segment does is cut to it. */
function settleEnd(segment: WordSegment, usualFrames: number): WordSegment {
  const last = segment.words.at(-1);
  if (last === undefined) return segment;
  const isCut =
    segment.endFrame > last.startFrame && segment.endFrame + TRUSTED_FRAMES < last.endFrame;
  if (!isCut) return { ...segment, endFrame: last.endFrame };
  const endFrame = Math.max(last.startFrame + usualFrames, segment.endFrame);
  return { ...segment, words: [...segment.words.slice(0, -1), { ...last, endFrame }] };
}
