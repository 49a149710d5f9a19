/** The order of the stages, for one recording: audio → pcm → mel → hidden states → tokens → words → transcript. */

import {
  CodedError,
  type Segment,
  type Transcript,
  type TranscriptionOptions,
  transcriptionOptionsSchema,
  type Warning,
} from '@amanuensis/contract';
import { beyondEnd, clipsOf, lengthSeconds } from './audio/clips.ts';
import { probe } from './audio/probe.ts';
import { audioToPcm } from './audio-to-pcm.ts';
import { checkOptions } from './check-options.ts';
import { type Checkpoint, TRACK_BEGIN } from './checkpoint.ts';
import type { Device } from './device.ts';
import { FRAMES_PER_SECOND } from './hyperparameters.ts';
import { type SpeechState, speechBegin } from './speech-state.ts';
import { transcribeTrack } from './transcribe-track.ts';
import type { HeardWindow } from './transcribe-window.ts';
import { windowContexts } from './window-contexts.ts';

/** Of which each is transcribed on its own. */
const MAX_CHANNELS = 16;
const MIX = ['mix'] as const;

export interface Recording {
  /** A local file. */
  readonly path: string;
  /** Who holds the slots while it runs: the job's id. */
  readonly owner: string;
}

/** What is new, as soon as it is there. */
export interface TranscribedPart {
  /** The windows that it was heard in. */
  readonly heard: readonly HeardWindow[];
  /** Numbered as they come; where channels are separate, the transcript numbers them anew. */
  readonly segments: readonly Segment[];
  /** Seconds of the recording that are transcribed. */
  readonly processedSeconds: number;
  /** Declared length of the recording; null where it does not say. */
  readonly durationSeconds: number | null;
  /** With all segments so far, what {@link TranscribeOptions.resumeFrom} takes. */
  readonly checkpoint: Checkpoint;
}

export interface TranscribeOptions {
  /** Stops the job at its next stage, a native run included. */
  readonly signal: AbortSignal;
  readonly maxDurationSeconds: number;
  /** What the user chose; the defaults unless given. */
  readonly options?: TranscriptionOptions;
  /**
   * Goes on from there, and gives the transcript that an undisturbed run would have given: with the
   * same recording, options and model.
   */
  readonly resumeFrom?: {
    readonly checkpoint: Checkpoint;
    readonly segments: readonly Segment[];
  };
  readonly onPart?: (part: TranscribedPart) => void;
}

/** A transcript without what only the worker knows. */
export type Transcription = Omit<Transcript, 'model' | 'ran_on' | 'processing_seconds'>;

/**
 * Transcribes a recording in slots that it holds from begin to end.
 *
 * @throws CodedError `invalid_audio`, `audio_too_long`, or `invalid_request` for options that the
 *   model or the device cannot honour; InferenceError `run_failed` or `aborted`; the signal's
 *   reason when it fires elsewhere; PoolError `exhausted` where more recordings run at once than
 *   the pools have slots for.
 */
export async function transcribe(
  { path, owner }: Recording,
  device: Device,
  {
    signal,
    maxDurationSeconds,
    options = transcriptionOptionsSchema.parse({}),
    resumeFrom,
    onPart,
  }: TranscribeOptions,
): Promise<Transcription> {
  using slots = device.pools.acquire(owner);
  const language = checkOptions(options, device.model, slots.lanesPerJob);
  const begin = speechBegin(language, device.model.tokenizer.encodePrompt(options.prompt ?? ''));
  const context = { device, options, windows: windowContexts(device, slots, options) };
  const clips = clipsOf(options.clip_timestamps);
  const channels = options.channels === 'mix' ? MIX : await channelsOf(path, signal);
  const { checkpoint, segments: given = [] } = resumeFrom ?? {};
  const segments: Segment[] = [...given];
  let state: SpeechState = { ...(checkpoint?.speech ?? begin) };
  let position = checkpoint?.position ?? TRACK_BEGIN;
  let warnings = checkpoint?.warnings ?? [];
  let duration = 0;
  for (const [track, channel] of channels.entries()) {
    if (track < (checkpoint?.track ?? 0)) continue;
    await using pcm = await audioToPcm(path, { maxDurationSeconds, channel, signal });
    const speaker = channel === 'mix' ? undefined : `channel ${channel + 1}`;
    const one = { pcm, clips, speaker, firstId: segments.length };
    for await (const step of transcribeTrack(one, context, state, position, signal)) {
      segments.push(...step.segments);
      const trackSeconds = step.doneFrame / FRAMES_PER_SECOND;
      onPart?.({
        heard: step.heard,
        segments: step.segments,
        processedSeconds: (track * lengthSeconds(pcm, clips) + trackSeconds) / channels.length,
        durationSeconds: pcm.declaredDurationSeconds,
        checkpoint: { track, position: step.position, speech: { ...state }, warnings },
      });
    }
    duration = Math.max(duration, lengthSeconds(pcm, clips));
    warnings = withoutRepetition([...warnings, ...pcm.warnings, ...beyondEnd(pcm, clips)]);
    state = { ...begin, language: state.language, languageProbability: state.languageProbability };
    position = TRACK_BEGIN;
  }
  const inOrder = channels.length === 1 ? segments : mergeTracks(segments);
  return {
    text: inOrder
      .map(({ text }) => text)
      .join('')
      .trim(),
    language: state.language ?? '',
    language_probability: state.languageProbability,
    duration,
    segments: inOrder,
    warnings: [...warnings],
  };
}

/** @throws CodedError `invalid_request` when there are too many. */
async function channelsOf(path: string, signal: AbortSignal): Promise<readonly number[]> {
  const { nChannels } = await probe(path, signal);
  if (nChannels <= MAX_CHANNELS) return Array.from({ length: nChannels }, (_, index) => index);
  const reason = `the recording has ${nChannels} channels, more than ${MAX_CHANNELS}`;
  throw new CodedError('invalid_request', `channels: ${reason}`);
}

/** As they were spoken, whoever spoke. */
function mergeTracks(segments: readonly Segment[]): Segment[] {
  return segments
    .toSorted((a, b) => a.start - b.start || a.id - b.id)
    .map((segment, id) => ({ ...segment, id }));
}

function withoutRepetition(warnings: readonly Warning[]): Warning[] {
  return [...new Map(warnings.map((warning) => [warning.message, warning])).values()];
}
