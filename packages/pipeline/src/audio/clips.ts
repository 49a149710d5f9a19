/** Which parts of a recording are transcribed. */

import type { Warning } from '@amanuensis/contract';
import type { PcmSource } from '../audio-to-pcm.ts';
import { FRAMES_PER_SECOND, HOP_SAMPLES } from '../hyperparameters.ts';
import type { ClipSpan } from './clip-source.ts';

type ReadSource = Pick<PcmSource, 'declaredDurationSeconds' | 'durationSeconds' | 'samplesRead'>;

/** In frames of 10 ms from the start of the recording; Infinity for its end. */
export interface Clip {
  readonly startFrame: number;
  readonly endFrame: number;
}

/**
 * @param seconds `start, end, start, end, ...` that never goes back; where the last end is missing
 *   it is the recording's, and `[]` is all of it.
 * @returns at least one, in order, none reaching into another.
 */
export function clipsOf(seconds: readonly number[]): readonly Clip[] {
  const frames = seconds.map((time) => Math.round(time * FRAMES_PER_SECOND));
  const clips: Clip[] = [];
  for (let i = 0; i < Math.max(1, frames.length); i += 2) {
    clips.push({ startFrame: frames[i] ?? 0, endFrame: frames[i + 1] ?? Infinity });
  }
  return clips;
}

export function toSamples({ startFrame, endFrame }: Clip): ClipSpan {
  return { startSample: startFrame * HOP_SAMPLES, endSample: endFrame * HOP_SAMPLES };
}

/** Length of a recording; what it declares, where its clips end before it does. */
export function lengthSeconds(source: ReadSource, clips: readonly Clip[]): number {
  const { declaredDurationSeconds, durationSeconds, samplesRead } = source;
  const lastSample = (clips.at(-1)?.endFrame ?? Infinity) * HOP_SAMPLES;
  if (samplesRead < lastSample) return durationSeconds;
  return Math.max(durationSeconds, declaredDurationSeconds ?? 0);
}

/** What is to be told of clips that lie beyond the end of a recording that was read. */
export function beyondEnd({ samplesRead }: ReadSource, clips: readonly Clip[]): Warning[] {
  const isBeyond = ({ startFrame, endFrame }: Clip): boolean =>
    startFrame < endFrame && startFrame > 0 && startFrame * HOP_SAMPLES >= samplesRead;
  const nBeyond = clips.filter(isBeyond).length;
  if (nBeyond === 0) return [];
  const message = `${nBeyond} of ${clips.length} clips lie beyond the end of the recording.`;
  return [{ code: 'clip_beyond_end', message }];
}
