/** Tokens of one window, and what the decoder paid attention to → words with their times. */

import { alignTokens, type CrossAttention } from './alignment/align-tokens.ts';
import type { AlignmentLease } from './alignment/alignment-scratch.ts';
import type { TimedWord } from './alignment/timed-word.ts';
import { FRAMES_PER_TIMESTAMP } from './hyperparameters.ts';
import type { WordTokens } from './tokenizer/word-tokens.ts';
import type { WindowSpan } from './tokens-to-segments.ts';

/** What the decoder made of the text of a window in one run. */
export interface AlignmentRun extends CrossAttention {
  /** [rowsPerHead] f32: log-probability, among text tokens, of what follows each token. */
  readonly targetLogprobs: Float32Array;
}

/** What was fed between no-timestamps and the end, and how it falls into words. */
export interface SpokenText extends WordTokens {
  readonly textTokens: readonly number[];
}

/**
 * Gives each word the time from its first token to the first token of the next word. Punctuation
 * is a word of its own; `mergePunctuations` joins it to its word.
 *
 * @returns words in the order of the text, each beginning where the one before ends.
 * @throws KernelError `invalid_buffer` when run, text and memory do not fit together; the
 *   signal's reason.
 */
export async function tokensToWords(
  run: AlignmentRun,
  text: SpokenText,
  { startFrame, nFrames }: WindowSpan,
  memory: AlignmentLease,
  signal: AbortSignal,
): Promise<TimedWord[]> {
  const nText = text.textTokens.length;
  const nColumns = Math.floor(nFrames / FRAMES_PER_TIMESTAMP);
  if (nText === 0 || nColumns === 0) return [];
  // Before the text: the start-of-transcript sequence and no-timestamps. After it: the end.
  const firstRow = run.nTokens - nText - 2;
  await alignTokens(run, { firstRow, nRows: nText + 1, nColumns }, memory, signal);
  const { firstColumns } = memory;
  const words: TimedWord[] = [];
  let first = 0;
  for (const [index, tokens] of text.wordTokens.entries()) {
    const last = first + tokens.length;
    // A word beyond the text is the end itself.
    if (last > nText) break;
    words.push({
      word: text.words[index] ?? '',
      tokens,
      startFrame: startFrame + (firstColumns[first] ?? 0) * FRAMES_PER_TIMESTAMP,
      endFrame: startFrame + (firstColumns[last] ?? 0) * FRAMES_PER_TIMESTAMP,
      probability: meanProbability(run.targetLogprobs, firstRow + first, firstRow + last),
    });
    first = last;
  }
  return words;
}

function meanProbability(logprobs: Float32Array, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += Math.exp(logprobs[i] ?? -Infinity);
  return to > from ? sum / (to - from) : 0;
}
