/** One track of a recording: its clips one after the other, each in the way that the job chose. */

import type { Segment, TranscriptionOptions } from '@amanuensis/contract';
import { ClipSource, type ClipSpan } from './audio/clip-source.ts';
import { PcmWindow } from './audio/pcm-window.ts';
import type { PcmSource } from './audio-to-pcm.ts';
import type { Checkpoint } from './checkpoint.ts';
import { decodingRules } from './decoding/decoding-rules.ts';
import { heardToSegments, type ToRecordingSpan } from './heard-to-segments.ts';
import { FRAMES_PER_SECOND, HOP_SAMPLES } from './hyperparameters.ts';
import type { JobSlots } from './job-slots.ts';
import type { WhisperModel } from './model/load-whisper.ts';
import type { SpeechState } from './speech-state.ts';
import { transcribeSideBySide } from './transcribe-side-by-side.ts';
import type { HeardWindow, WindowContext } from './transcribe-window.ts';
import { transcribeWindows } from './transcribe-windows.ts';
import { speechOnly } from './voice-activity/speech-only.ts';
import { SpeechWindows } from './voice-activity/speech-windows.ts';
import type { VoiceActivityModel } from './voice-activity/voice-activity-detector.ts';
import type { WindowPools } from './window-pools.ts';

/** What a device lends to each of its jobs. */
export interface Device {
  readonly model: WhisperModel;
  readonly pools: WindowPools;
  readonly voiceActivity: VoiceActivityModel;
}

export interface Track {
  readonly pcm: PcmSource;
  /** Number of the channel, where each is on its own; 0 for all of them. */
  readonly index: number;
  /** Who speaks in it; undefined where the recording does not tell. */
  readonly speaker: string | undefined;
}

/** What is new after a window, and what must be kept to go on from there. */
export interface TrackStep {
  readonly heard: readonly HeardWindow[];
  readonly segments: readonly Segment[];
  /** In frames of the recording. */
  readonly doneFrame: number;
  readonly checkpoint: Checkpoint;
}

/** Frames of the recording; Infinity for its end. */
interface Clip {
  readonly startFrame: number;
  readonly endFrame: number;
}

interface ClipStep {
  readonly heard: readonly HeardWindow[];
  readonly toRecordingSpan: ToRecordingSpan;
  readonly position: Pick<Checkpoint, 'frame' | 'windowsDone'>;
}

/**
 * @param from where to begin; the track's begin unless given.
 * @param nSegments that were given out before.
 * @throws CodedError, InferenceError, PoolError; the signal's reason.
 */
export async function* transcribeTrack(
  { pcm, index, speaker }: Track,
  device: Device,
  slots: JobSlots,
  options: TranscriptionOptions,
  state: SpeechState,
  from: Pick<Checkpoint, 'clip' | 'frame' | 'windowsDone'>,
  nSegments: number,
  signal: AbortSignal,
): AsyncGenerator<TrackStep> {
  const { tokenizer } = device.model;
  const transcribeClip = options.mode === 'batched' ? clipSideBySide : clipInOrder;
  const contexts = contextsOf(device, slots, options);
  let firstId = nSegments;
  for (const [clip, span] of clipsOf(options.clip_timestamps).entries()) {
    if (clip < from.clip) continue;
    const position = clip === from.clip ? from : { frame: 0, windowsDone: 0 };
    const source = new ClipSource(pcm, toSamples(span));
    const steps = transcribeClip(
      source,
      span,
      { device, contexts, options, state, position },
      signal,
    );
    for await (const { heard, toRecordingSpan, position: reached } of steps) {
      const segments: Segment[] = [];
      for (const one of heard) {
        const withWords = options.word_timestamps;
        const ids = { firstId: firstId + segments.length };
        const context = { tokenizer, toRecordingSpan, speaker, withWords, ...ids };
        segments.push(...heardToSegments(one, context));
      }
      firstId += segments.length;
      const lastFrame = heard.at(-1)?.nextFrame ?? 0;
      const { language, languageProbability, previousTokens, lastSpeechFrame } = state;
      yield {
        heard,
        segments,
        doneFrame: toRecordingSpan(lastFrame, lastFrame).endFrame,
        checkpoint: {
          track: index,
          clip,
          ...reached,
          language,
          languageProbability,
          previousTokens: [...previousTokens],
          lastSpeechFrame,
        },
      };
    }
  }
}

interface ClipWork {
  readonly device: Device;
  readonly contexts: readonly [WindowContext, ...WindowContext[]];
  readonly options: TranscriptionOptions;
  readonly state: SpeechState;
  readonly position: Pick<Checkpoint, 'frame' | 'windowsDone'>;
}

/** Each window begins where the one before was done. */
async function* clipInOrder(
  source: ClipSource,
  { startFrame }: Clip,
  { device, contexts: [context], options, state, position }: ClipWork,
  signal: AbortSignal,
): AsyncGenerator<ClipStep> {
  const { pcm } = context.slots;
  await using speech = options.vad_filter
    ? speechOnly(source, device.voiceActivity.createDetector())
    : null;
  // Without silence, windows move along speech, whose frames count from the begin of the clip.
  const window = new PcmWindow(speech ?? source, pcm, speech === null ? startFrame : 0);
  const toRecordingSpan: ToRecordingSpan = (start, end) => {
    if (speech === null) return { startFrame: start, endFrame: end };
    const span = speech.toRecordingSpan(start, end);
    return { startFrame: startFrame + span.startFrame, endFrame: startFrame + span.endFrame };
  };
  await window.seekTo(position.frame, signal);
  if (position.frame === 0) state.lastSpeechFrame = window.startFrame;
  for await (const heard of transcribeWindows(window, context, state, signal)) {
    const reached = { frame: window.startFrame, windowsDone: 0 };
    yield { heard: [heard], toRecordingSpan, position: reached };
  }
}

/** Voice activity cuts the clip into windows that are decoded side by side. */
async function* clipSideBySide(
  source: ClipSource,
  { startFrame }: Clip,
  { device, contexts, state, position }: ClipWork,
  signal: AbortSignal,
): AsyncGenerator<ClipStep> {
  await using windows = new SpeechWindows(source, device.voiceActivity.createDetector());
  const toRecordingSpan: ToRecordingSpan = (start, end) => ({
    startFrame: startFrame + start,
    endFrame: startFrame + end,
  });
  let { windowsDone } = position;
  const side = { windows, contexts, windowsDone };
  for await (const heard of transcribeSideBySide(side, state, signal)) {
    windowsDone += 1;
    yield { heard, toRecordingSpan, position: { frame: 0, windowsDone } };
  }
}

/** One for each window that is worked on at once, with the lanes that its hypotheses take. */
function contextsOf(
  { model, pools }: Device,
  slots: JobSlots,
  options: TranscriptionOptions,
): readonly [WindowContext, ...WindowContext[]] {
  const rules = decodingRules(model, options);
  const { lanesPerJob } = slots;
  const maxLanes = options.mode === 'batched' ? options.beam_size : lanesPerJob;
  const contextOf = (index: number): WindowContext => ({
    model,
    pools,
    options,
    rules,
    get slots() {
      return slots.window(index);
    },
    lanes: { maxLanes, lane: (lane) => slots.lane(index * maxLanes + lane) },
  });
  const nMore = Math.floor(lanesPerJob / maxLanes) - 1;
  return [contextOf(0), ...Array.from({ length: nMore }, (_, index) => contextOf(index + 1))];
}

/** `[]` is all of the recording; where the last end is missing, it is the recording's. */
function clipsOf(seconds: readonly number[]): Clip[] {
  const frames = seconds.map((time) => Math.round(time * FRAMES_PER_SECOND));
  const clips: Clip[] = [];
  for (let i = 0; i < Math.max(1, frames.length); i += 2) {
    clips.push({ startFrame: frames[i] ?? 0, endFrame: frames[i + 1] ?? Infinity });
  }
  return clips;
}

function toSamples({ startFrame, endFrame }: Clip): ClipSpan {
  return { startSample: startFrame * HOP_SAMPLES, endSample: endFrame * HOP_SAMPLES };
}
