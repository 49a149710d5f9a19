/**
 * Where the next window begins once words have times: after the last of them, and, where a model
 * makes text up in silence, after the silence before it (openai/whisper, `transcribe`).
 */

import { FRAMES_PER_SECOND, WINDOW_FRAMES } from '../hyperparameters.ts';
import type { WindowSpan } from '../tokens-to-segments.ts';
import type { WordSegment } from './timed-word.ts';
import { isSegmentAnomaly } from './word-anomaly.ts';

/** So close to an edge of its window, a segment counts as beside silence. */
const EDGE_FRAMES = 2 * FRAMES_PER_SECOND;
/** A window that is heard again begins so much later at the least. */
const LEAST_ADVANCE_FRAMES = FRAMES_PER_SECOND;

/** A window with its words; all frames count from the start of the recording. */
export interface SpokenWindow {
  readonly segments: readonly WordSegment[];
  readonly span: WindowSpan;
  /** Where the next window begins by its timestamps. */
  readonly seekFrame: number;
  /** The window ends with text and one timestamp: there is no speech after it. */
  readonly endsOpen: boolean;
  /** Where the last word before this window ends; 0 at the start. */
  readonly lastSpeechFrame: number;
  /** Length of the recording; Infinity while it goes on beyond the window and is not known. */
  readonly contentFrames: number;
}

export interface WordSeek {
  /** Segments that count, a prefix of the window's but for instantaneous ones. */
  readonly segments: readonly WordSegment[];
  /** Where the next window begins: after this window's begin, perhaps after its end. */
  readonly seekFrame: number;
  /** Where the last word so far ends. */
  readonly lastSpeechFrame: number;
}

/**
 * Decides which segments of a window count, and where the next one begins.
 *
 * @param silenceFrames silence longer than this beside text that looks made up is left out together
 *   with the text (`hallucination_silence_threshold`); null: nothing is.
 */
export function seekByWords(window: SpokenWindow, silenceFrames: number | null): WordSeek {
  const { segments, seekFrame } =
    silenceFrames === null
      ? { segments: window.segments, seekFrame: seekAfterWords(window, 0) }
      : skipSilence(window, silenceFrames);
  return {
    segments: segments.filter((segment) => !isInstantaneous(segment)),
    seekFrame,
    lastSpeechFrame: endOf(segments) ?? window.lastSpeechFrame,
  };
}

/** The first segment that has words. */
export function nextWordsSegment(segments: readonly WordSegment[]): WordSegment | undefined {
  return segments.find(({ words }) => words.length > 0);
}

/** The end of the last word, or of the last segment where no segment has any; null for none. */
function endOf(segments: readonly WordSegment[]): number | null {
  const last = segments.findLast(({ words }) => words.length > 0) ?? segments.at(-1);
  return last?.words.at(-1)?.endFrame ?? last?.endFrame ?? null;
}

/** The model closed it where it began: its words take no time, so nobody said them. */
function isInstantaneous({ startFrame, endFrame, words }: WordSegment): boolean {
  return words.length > 0 && startFrame === endFrame;
}

/** After the last word; but silence to the window's end of `silenceFrames` or less is not kept. */
function seekAfterWords(
  { segments, span, seekFrame, endsOpen }: SpokenWindow,
  silenceFrames: number,
): number {
  const end = endOf(segments);
  if (endsOpen || end === null || end <= span.startFrame) return seekFrame;
  const remainingFrames = span.startFrame + WINDOW_FRAMES - end;
  return remainingFrames > silenceFrames ? end : span.startFrame + span.nFrames;
}

type Skip = Pick<WordSeek, 'segments' | 'seekFrame'>;

function skipSilence(window: SpokenWindow, silenceFrames: number): Skip {
  const { segments, span, contentFrames } = window;
  const first = nextWordsSegment(segments);
  if (first !== undefined && isSegmentAnomaly(first)) {
    const isAfterSilence = first.startFrame - span.startFrame > silenceFrames;
    if (isAfterSilence) return { segments: [], seekFrame: first.startFrame };
  }
  const index = firstMadeUp(window, silenceFrames);
  const madeUp = segments[index];
  if (madeUp === undefined) return { segments, seekFrame: seekAfterWords(window, silenceFrames) };
  const isLast = contentFrames - madeUp.endFrame < silenceFrames;
  const again = Math.max(span.startFrame + LEAST_ADVANCE_FRAMES, madeUp.startFrame);
  return { segments: segments.slice(0, index), seekFrame: isLast ? contentFrames : again };
}

/** Index of the first segment that looks made up and lies between silences, or others like it. */
function firstMadeUp({ segments, span, ...window }: SpokenWindow, silenceFrames: number): number {
  const windowEnd = span.startFrame + WINDOW_FRAMES;
  let spokenTo = window.lastSpeechFrame;
  return segments.findIndex((segment, index) => {
    const { startFrame, endFrame, words } = segment;
    if (words.length === 0) return false;
    const gapFrames = startFrame - spokenTo;
    spokenTo = endFrame;
    if (!isSegmentAnomaly(segment)) return false;
    const next = nextWordsSegment(segments.slice(index + 1));
    const nextFrame = next?.words[0]?.startFrame ?? span.startFrame + span.nFrames;
    const isAfterSilence =
      gapFrames > silenceFrames ||
      startFrame < silenceFrames ||
      startFrame - span.startFrame < EDGE_FRAMES;
    const isBeforeSilence =
      nextFrame - endFrame > silenceFrames ||
      (next !== undefined && isSegmentAnomaly(next)) ||
      windowEnd - endFrame < EDGE_FRAMES;
    return isAfterSilence && isBeforeSilence;
  });
}
