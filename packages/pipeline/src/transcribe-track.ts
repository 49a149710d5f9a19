/** One track of a recording: its clips one after the other, each in the way that the job chose. */

import type { Segment, TranscriptionOptions } from '@amanuensis/contract';
import { ClipSource } from './audio/clip-source.ts';
import { type Clip, toSamples } from './audio/clips.ts';
import { PcmWindow } from './audio/pcm-window.ts';
import type { PcmSource } from './audio-to-pcm.ts';
import { TRACK_BEGIN, type TrackPosition } from './checkpoint.ts';
import type { Device } from './device.ts';
import { heardToSegments, type ToRecordingSpan } from './heard-to-segments.ts';
import type { SpeechState } from './speech-state.ts';
import { transcribeSideBySide } from './transcribe-side-by-side.ts';
import type { HeardWindow, WindowContext } from './transcribe-window.ts';
import { transcribeWindows } from './transcribe-windows.ts';
import { speechOnly } from './voice-activity/speech-only.ts';
import { SpeechWindows } from './voice-activity/speech-windows.ts';

export interface Track {
  readonly pcm: PcmSource;
  readonly clips: readonly Clip[];
  /** Who speaks in it; undefined where the recording does not tell. */
  readonly speaker: string | undefined;
  /** Number of its first segment that is still to come. */
  readonly firstId: number;
}

export interface TrackContext {
  readonly device: Device;
  readonly options: TranscriptionOptions;
  /** One for each window that is worked on at once. */
  readonly windows: readonly [WindowContext, ...WindowContext[]];
}

/** What is new after a window, and where to go on from there. */
export interface TrackStep {
  readonly heard: readonly HeardWindow[];
  readonly segments: readonly Segment[];
  /** In frames of the recording. */
  readonly doneFrame: number;
  readonly position: TrackPosition;
}

/**
 * @param state changed to what the next window goes on from, before a step is yielded.
 * @param from where to go on.
 * @throws CodedError, InferenceError, PoolError; the signal's reason.
 */
export async function* transcribeTrack(
  { pcm, clips, speaker, firstId }: Track,
  context: TrackContext,
  state: SpeechState,
  from: TrackPosition,
  signal: AbortSignal,
): AsyncGenerator<TrackStep> {
  const { device, options } = context;
  const transcribeClip = options.mode === 'batched' ? clipSideBySide : clipInOrder;
  let nextId = firstId;
  for (const [index, clip] of clips.entries()) {
    if (index < from.clip) continue;
    const position = index === from.clip ? from : { ...TRACK_BEGIN, clip: index };
    const source = new ClipSource(pcm, toSamples(clip));
    let doneFrame = clip.startFrame;
    const steps = transcribeClip(source, clip, context, state, position, signal);
    for await (const { heard, toRecordingSpan, position: reached } of steps) {
      const segments: Segment[] = [];
      for (const window of heard) {
        const about = { tokenizer: device.model.tokenizer, toRecordingSpan, speaker };
        const withWords = options.word_timestamps;
        segments.push(...heardToSegments(window, { ...about, firstId: nextId, withWords }));
        nextId = firstId + segments.length;
        doneFrame = toRecordingSpan(window.nextFrame, window.nextFrame).endFrame;
      }
      firstId = nextId;
      yield { heard, segments, doneFrame, position: reached };
    }
  }
}

interface ClipStep {
  readonly heard: readonly HeardWindow[];
  readonly toRecordingSpan: ToRecordingSpan;
  readonly position: TrackPosition;
}

/** Each window begins where the one before was done. */
async function* clipInOrder(
  source: ClipSource,
  { startFrame }: Clip,
  { device, options, windows: [context] }: TrackContext,
  state: SpeechState,
  from: TrackPosition,
  signal: AbortSignal,
): AsyncGenerator<ClipStep> {
  await using speech = options.vad_filter
    ? speechOnly(source, device.voiceActivity.createDetector())
    : null;
  // Without silence, windows move along speech, whose frames count from the begin of the clip.
  const { pcm } = context.slots;
  const window = new PcmWindow(speech ?? source, pcm, speech === null ? startFrame : 0);
  const toRecordingSpan: ToRecordingSpan = (start, end) => {
    if (speech === null) return { startFrame: start, endFrame: end };
    return later(speech.toRecordingSpan(start, end), startFrame);
  };
  if (from.frame === 0) state.lastSpeechFrame = window.startFrame;
  else await window.seekTo(from.frame, signal);
  for await (const heard of transcribeWindows(window, context, state, signal)) {
    yield { heard: [heard], toRecordingSpan, position: { ...from, frame: window.startFrame } };
  }
}

/** Voice activity cuts the clip into windows that are decoded side by side. */
async function* clipSideBySide(
  source: ClipSource,
  { startFrame }: Clip,
  { device, windows: contexts }: TrackContext,
  state: SpeechState,
  from: TrackPosition,
  signal: AbortSignal,
): AsyncGenerator<ClipStep> {
  await using windows = new SpeechWindows(source, device.voiceActivity.createDetector());
  const toRecordingSpan: ToRecordingSpan = (start, end) =>
    later({ startFrame: start, endFrame: end }, startFrame);
  let { windowsDone } = from;
  for await (const heard of transcribeSideBySide(
    { windows, contexts, windowsDone },
    state,
    signal,
  )) {
    windowsDone += 1;
    yield { heard, toRecordingSpan, position: { ...from, windowsDone } };
  }
}

function later(span: ReturnType<ToRecordingSpan>, nFrames: number): ReturnType<ToRecordingSpan> {
  return { startFrame: nFrames + span.startFrame, endFrame: nFrames + span.endFrame };
}
