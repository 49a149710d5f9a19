/** Windows that do not depend on each other, decoded side by side, given out in their order. */

import { PcmWindow } from './audio/pcm-window.ts';
import type { SpeechState } from './speech-state.ts';
import type { HeardWindow, WindowContext } from './transcribe-window.ts';
import { transcribeWindows } from './transcribe-windows.ts';
import type { SpeechWindows } from './voice-activity/speech-windows.ts';

/** Windows that may wait for an earlier one, for each that is worked on at once. */
const MAX_AHEAD = 4;

export interface SideBySide {
  readonly windows: SpeechWindows;
  /** One for each window that is worked on at once. */
  readonly contexts: readonly WindowContext[];
  /** Windows that were given out before. */
  readonly windowsDone: number;
}

/**
 * Each window is transcribed as a recording of its own, so that it is heard to its end; the user's
 * prompt leads each of them.
 *
 * @param state whose language the first window that speaks settles.
 * @throws CodedError, InferenceError, PoolError; the signal's reason.
 */
export async function* transcribeSideBySide(
  { windows, contexts, windowsDone }: SideBySide,
  state: SpeechState,
  signal: AbortSignal,
): AsyncGenerator<readonly HeardWindow[]> {
  const stop = new AbortController();
  const stopped = AbortSignal.any([signal, stop.signal]);
  const free = [...contexts];
  const running = new Map<WindowContext, Promise<WindowContext>>();
  const heard = new Map<number, readonly HeardWindow[]>();
  let nCut = 0;
  let nGiven = windowsDone;
  let isOver = false;

  const work = async (context: WindowContext, index: number, window: PcmWindow) => {
    heard.set(index, await allOf(window, context, state, stopped));
    return context;
  };
  const startNext = async (context: WindowContext): Promise<void> => {
    const { pcm } = context.slots;
    const cut = await windows.next(pcm, stopped);
    isOver = cut === null;
    const index = nCut++;
    if (cut === null || index < windowsDone) return void free.push(context);
    const working = work(context, index, PcmWindow.over(pcm, cut.nSamples, cut.startFrame));
    running.set(context, working);
    // Its failure is met when it is waited for, which may be later.
    working.catch(() => undefined);
  };
  /** The first window that speaks says which language the others are in. */
  const mayStart = (): boolean =>
    !isOver &&
    (state.language !== null || running.size === 0) &&
    nCut - nGiven < MAX_AHEAD * contexts.length;

  try {
    for (;;) {
      while (mayStart()) {
        const context = free.pop();
        if (context === undefined) break;
        await startNext(context);
      }
      if (running.size === 0) return;
      const done = await Promise.race(running.values());
      running.delete(done);
      free.push(done);
      for (let next = heard.get(nGiven); next !== undefined; next = heard.get(nGiven)) {
        heard.delete(nGiven);
        nGiven += 1;
        yield next;
      }
    }
  } finally {
    // Whoever is still at work writes to slots that are about to be given back.
    stop.abort();
    await Promise.allSettled(running.values());
  }
}

async function allOf(
  window: PcmWindow,
  context: WindowContext,
  shared: SpeechState,
  signal: AbortSignal,
): Promise<readonly HeardWindow[]> {
  const state: SpeechState = { ...shared, lastSpeechFrame: window.startFrame };
  shared.awaitsPrefix = false;
  const heard: HeardWindow[] = [];
  for await (const one of transcribeWindows(window, context, state, signal)) heard.push(one);
  if (shared.language === null) {
    shared.language = state.language;
    shared.languageProbability = state.languageProbability;
  }
  return heard;
}
