/** The order of the stages, for one recording: pcm → mel → hidden states → tokens → segments. */

import type { Segment, Transcript } from '@amanuensis/contract';
import { PcmWindow } from './audio/pcm-window.ts';
import { audioToPcm } from './audio-to-pcm.ts';
import { compressionRatio } from './decoding/compression-ratio.ts';
import { greedyRules } from './decoding/greedy-rules.ts';
import { hiddenStatesToTokens, type WindowTokens } from './hidden-states-to-tokens.ts';
import { FRAMES_PER_SECOND } from './hyperparameters.ts';
import { melToHiddenStates } from './mel-to-hidden-states.ts';
import type { WhisperModel } from './model/load-whisper.ts';
import { pcmToMel } from './pcm-to-mel.ts';
import { tokensToSegments, type WindowSegments } from './tokens-to-segments.ts';
import type { WindowPools } from './window-pools.ts';

/** A window is taken as silent above the one and below the other (openai/whisper, `transcribe`). */
const NO_SPEECH_THRESHOLD = 0.6;
const LOGPROB_THRESHOLD = -1;

/** Spoken language of a recording until it is detected or chosen. */
const LANGUAGE = 'en';

export interface Recording {
  /** A local file. */
  readonly path: string;
  /** Who holds the slots while it runs: the job's id. */
  readonly owner: string;
}

export interface Device {
  readonly model: WhisperModel;
  readonly pools: WindowPools;
}

/** One window, as soon as it is done. */
export interface TranscribedWindow extends WindowTokens {
  readonly startSeconds: number;
  readonly segments: readonly Segment[];
  /** Seconds of the recording that are transcribed. */
  readonly processedSeconds: number;
  /** Declared length of the recording; null where it does not say. */
  readonly durationSeconds: number | null;
}

export interface TranscribeOptions {
  /** Stops the job at its next stage, a native run included. */
  readonly signal: AbortSignal;
  readonly maxDurationSeconds: number;
  readonly onWindow?: (window: TranscribedWindow) => void;
}

/** A transcript without what only the worker knows. */
export type Transcription = Omit<Transcript, 'model' | 'ran_on' | 'processing_seconds'>;

/**
 * Transcribes a recording window by window, in slots that it holds from begin to end.
 *
 * @throws CodedError `invalid_audio` or `audio_too_long`; InferenceError `run_failed` or `aborted`;
 *   the signal's reason when it fires elsewhere; PoolError `exhausted` where more recordings run
 *   at once than the pools have slots for.
 */
export async function transcribe(
  { path, owner }: Recording,
  { model, pools }: Device,
  { signal, maxDurationSeconds, onWindow }: TranscribeOptions,
): Promise<Transcription> {
  using slots = pools.acquire(owner);
  const { pcm: samples, mel, hiddenStates } = slots.window(0);
  const lane = slots.lane(0);
  await using pcm = await audioToPcm(path, { maxDurationSeconds, signal });
  const rules = greedyRules(model, LANGUAGE);
  const segments: Segment[] = [];
  const window = new PcmWindow(pcm, samples);
  for (let nFrames = await window.fill(signal); nFrames > 0; nFrames = await window.fill(signal)) {
    const span = { startFrame: window.startFrame, nFrames };
    await pcmToMel(samples, mel.data, pools.logMelKernel, signal);
    await melToHiddenStates(pools.encoder, mel, hiddenStates, signal);
    await lane.fill(hiddenStates, signal);
    const decoded = await hiddenStatesToTokens(lane, rules, signal);
    const cut: WindowSegments = isSilent(decoded)
      ? { segments: [], consumedFrames: nFrames }
      : tokensToSegments(decoded.tokens, span, model.tokenizer);
    window.advance(cut.consumedFrames);
    const ratio = compressionRatio(cut.segments.map(({ text }) => text).join(''));
    const fresh = cut.segments.map(
      ({ startFrame, endFrame, text, tokens, firstToken }, index): Segment => ({
        id: segments.length + index,
        seek: span.startFrame,
        start: startFrame / FRAMES_PER_SECOND,
        end: endFrame / FRAMES_PER_SECOND,
        text,
        tokens: [...tokens],
        token_logprobs: decoded.tokenLogprobs.slice(firstToken, firstToken + tokens.length),
        temperature: 0,
        compression_ratio: ratio,
        avg_logprob: decoded.avgLogprob,
        no_speech_prob: decoded.noSpeechProb,
      }),
    );
    segments.push(...fresh);
    onWindow?.({
      ...decoded,
      startSeconds: span.startFrame / FRAMES_PER_SECOND,
      segments: fresh,
      processedSeconds: window.startFrame / FRAMES_PER_SECOND,
      durationSeconds: pcm.declaredDurationSeconds,
    });
  }
  return {
    text: segments
      .map(({ text }) => text)
      .join('')
      .trim(),
    language: LANGUAGE,
    language_probability: null,
    duration: pcm.durationSeconds,
    segments,
    warnings: [...pcm.warnings],
  };
}

function isSilent({ noSpeechProb, avgLogprob }: WindowTokens): boolean {
  return noSpeechProb > NO_SPEECH_THRESHOLD && avgLogprob < LOGPROB_THRESHOLD;
}
