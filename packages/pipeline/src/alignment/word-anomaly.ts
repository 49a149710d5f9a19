/** How much a word, or a segment, looks made up (openai/whisper, `transcribe`). */

import { FRAMES_PER_SECOND } from '../hyperparameters.ts';
import { durationFrames, type TimedWord, type WordSegment } from './timed-word.ts';

const LEAST_PROBABILITY = 0.15;
const SHORT_SECONDS = 0.133;
/** Makes a word of no length at all as suspicious as two improbable ones. */
const SHORT_SCORE_PER_SECOND = 15;
const LONG_SECONDS = 2;
/** Words of a segment that are looked at. */
const N_WORDS = 8;
const MAX_SCORE = 3;
/** A score this close to one a word counts as such. */
const TOLERANCE = 0.01;
const PUNCTUATION = '"\'“¿([{-"\'.。,，!！?？:：”)]}、';

/** 0 for a word like any other; grows when it is improbable, very short or very long. */
export function wordAnomalyScore(word: TimedWord): number {
  const seconds = durationFrames(word) / FRAMES_PER_SECOND;
  let score = word.probability < LEAST_PROBABILITY ? 1 : 0;
  if (seconds < SHORT_SECONDS) score += (SHORT_SECONDS - seconds) * SHORT_SCORE_PER_SECOND;
  if (seconds > LONG_SECONDS) score += seconds - LONG_SECONDS;
  return score;
}

/** Whether a segment's first words are so odd on the whole that nobody may have said them. */
export function isSegmentAnomaly({ words }: Pick<WordSegment, 'words'>): boolean {
  if (words.length === 0) return false;
  const looked = words.filter(({ word }) => !PUNCTUATION.includes(word)).slice(0, N_WORDS);
  const score = looked.reduce((sum, word) => sum + wordAnomalyScore(word), 0);
  return score >= MAX_SCORE || score + TOLERANCE >= looked.length;
}
