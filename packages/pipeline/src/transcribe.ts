/** The order of the stages, for one recording: audio → pcm → mel → hidden states → tokens → words → transcript. */

import {
  CodedError,
  type Segment,
  type Transcript,
  type TranscriptionOptions,
  transcriptionOptionsSchema,
  type Warning,
} from '@amanuensis/contract';
import { probe } from './audio/probe.ts';
import { audioToPcm } from './audio-to-pcm.ts';
import { checkOptions } from './check-options.ts';
import type { Checkpoint } from './checkpoint.ts';
import { FRAMES_PER_SECOND } from './hyperparameters.ts';
import type { SpeechState } from './speech-state.ts';
import { type Device, transcribeTrack } from './transcribe-track.ts';
import type { HeardWindow } from './transcribe-window.ts';

/** Of which each is transcribed on its own. */
const MAX_CHANNELS = 16;

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
  /** Goes on from there, and gives the transcript that an undisturbed run would have given. */
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
  const language = checkOptions(options, device.model.tokenizer, slots.lanesPerJob);
  const segments: Segment[] = [...(resumeFrom?.segments ?? [])];
  const startTokens = device.model.tokenizer.encodePrompt(options.prompt ?? '');
  const state: SpeechState = {
    language,
    languageProbability: null,
    previousTokens: startTokens,
    lastSpeechFrame: 0,
    ...spokenBefore(resumeFrom?.checkpoint),
  };
  let from = resumeFrom?.checkpoint ?? { track: 0, clip: 0, frame: 0, windowsDone: 0 };
  const isSeparate = options.channels === 'separate';
  const nTracks = isSeparate ? await countChannels(path, signal) : 1;
  let durationSeconds = 0;
  let warnings: readonly Warning[] = [];
  for (let track = from.track; track < nTracks; track++) {
    const channel = isSeparate ? track : 'mix';
    await using pcm = await audioToPcm(path, { maxDurationSeconds, channel, signal });
    const speaker = isSeparate ? `channel ${track + 1}` : undefined;
    const one = { pcm, index: track, speaker };
    const nSegments = segments.length;
    const parts = transcribeTrack(one, device, slots, options, state, from, nSegments, signal);
    for await (const { doneFrame, ...part } of parts) {
      segments.push(...part.segments);
      onPart?.({
        ...part,
        processedSeconds: (track * durationSeconds + doneFrame / FRAMES_PER_SECOND) / nTracks,
        durationSeconds: pcm.declaredDurationSeconds,
      });
    }
    durationSeconds = Math.max(durationSeconds, pcm.durationSeconds);
    warnings = pcm.warnings;
    from = { track: track + 1, clip: 0, frame: 0, windowsDone: 0 };
    state.previousTokens = startTokens;
  }
  const inOrder = nTracks === 1 ? segments : mergeTracks(segments);
  return {
    text: inOrder
      .map(({ text }) => text)
      .join('')
      .trim(),
    language: state.language ?? '',
    language_probability: state.languageProbability,
    duration: durationSeconds,
    segments: inOrder,
    warnings: [...warnings],
  };
}

function spokenBefore(checkpoint: Checkpoint | undefined): Partial<SpeechState> {
  if (checkpoint === undefined) return {};
  const { language, languageProbability, previousTokens, lastSpeechFrame } = checkpoint;
  return { language, languageProbability, previousTokens, lastSpeechFrame };
}

/** @throws CodedError `invalid_request` when there are too many. */
async function countChannels(path: string, signal: AbortSignal): Promise<number> {
  const { nChannels } = await probe(path, signal);
  if (nChannels <= MAX_CHANNELS) return nChannels;
  const reason = `the recording has ${nChannels} channels, more than ${MAX_CHANNELS}`;
  throw new CodedError('invalid_request', `channels: ${reason}`);
}

/** As they were spoken, whoever spoke. */
function mergeTracks(segments: readonly Segment[]): Segment[] {
  return segments
    .toSorted((a, b) => a.start - b.start || a.id - b.id)
    .map((segment, id) => ({ ...segment, id }));
}
