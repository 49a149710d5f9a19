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
 * Each window is transcribed as a recording of its own, so that it is heard to its end.
 *
 * @param state whose language the first window settles.
 * @throws CodedError, InferenceError, PoolError; the signal's reason.
 */
export async function* transcribeSideBySide(
  { windows, contexts, windowsDone }: SideBySide,
  state: SpeechState,
  signal: AbortSignal,
): AsyncGenerator<readonly HeardWindow[]> {
  const stop = new AbortController();
  const stopped = AbortSignal.any([signal, stop.signal]);
  const free = contexts.map((_, index) => index).reverse();
  const running = new Map<number, Promise<number>>();
  const heard = new Map<number, readonly HeardWindow[]>();
  let nStarted = 0;
  let nGiven = 0;
  let isOver = false;

  const start = async (worker: number, context: WindowContext): Promise<void> => {
    const { pcm } = context.slots;
    const span = await windows.next(pcm, stopped);
    isOver = span === null;
    if (span === null) return void free.push(worker);
    const index = nStarted++;
    if (index < windowsDone) return void free.push(worker);
    const window = PcmWindow.over(pcm, span.nSamples, span.startFrame);
    const work = async (): Promise<number> => {
      heard.set(index, await allOf(window, context, state, stopped));
      return worker;
    };
    running.set(worker, work());
  };
  /** The first window says which language the others are in. */
  const mayStart = (): boolean =>
    !isOver &&
    (state.language !== null || running.size === 0) &&
    nStarted - nGiven < MAX_AHEAD * contexts.length + windowsDone;

  nGiven = windowsDone;
  try {
    for (;;) {
      while (mayStart()) {
        const worker = free.pop();
        const context = worker === undefined ? undefined : contexts[worker];
        if (worker === undefined || context === undefined) break;
        await start(worker, context);
      }
      if (running.size === 0) return;
      const worker = await Promise.race(running.values());
      running.delete(worker);
      free.push(worker);
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
  const state: SpeechState = { ...shared, previousTokens: [], lastSpeechFrame: window.startFrame };
  const heard: HeardWindow[] = [];
  for await (const one of transcribeWindows(window, context, state, signal)) heard.push(one);
  shared.language ??= state.language;
  shared.languageProbability ??= state.languageProbability;
  return heard;
}
