/** Windows of 30 s along one stream of PCM, each beginning where the one before is done with. */

import type { PcmWindow } from './audio/pcm-window.ts';
import type { SpeechState } from './speech-state.ts';
import { type HeardWindow, transcribeWindow, type WindowContext } from './transcribe-window.ts';

/**
 * @param window its slot is the one of `context`.
 * @param state changed to what the next window goes on from, before a window is yielded.
 * @throws CodedError, InferenceError, PoolError; the signal's reason.
 */
export async function* transcribeWindows(
  window: PcmWindow,
  context: WindowContext,
  state: SpeechState,
  signal: AbortSignal,
): AsyncGenerator<HeardWindow> {
  for (let nFrames = await window.fill(signal); nFrames > 0; nFrames = await window.fill(signal)) {
    const span = { startFrame: window.startFrame, nFrames };
    const contentFrames = window.isLast ? span.startFrame + nFrames : Infinity;
    const heard = await transcribeWindow(span, contentFrames, context, state, signal);
    await window.seekTo(heard.nextFrame, signal);
    yield heard;
  }
}
