/** One window, from its PCM to its segments: pcm → mel → hidden states → tokens → words. */

import type { TranscriptionOptions } from '@amanuensis/contract';
import { addWordTimes } from './alignment/add-word-times.ts';
import { seekByWords } from './alignment/seek-by-words.ts';
import type { WordSegment } from './alignment/timed-word.ts';
import type { DecoderLane } from './decoding/decoder-lane.ts';
import type { DecodingRules } from './decoding/decoding-rules.ts';
import { detectLanguage } from './decoding/detect-language.ts';
import { hiddenStatesToTokens, type WindowTokens } from './hidden-states-to-tokens.ts';
import { FRAMES_PER_SECOND } from './hyperparameters.ts';
import type { WindowSlots } from './job-slots.ts';
import { melToHiddenStates } from './mel-to-hidden-states.ts';
import type { WhisperModel } from './model/load-whisper.ts';
import { pcmToMel } from './pcm-to-mel.ts';
import type { SpeechState } from './speech-state.ts';
import { type Prompt, promptTokens } from './tokenizer/prompt-tokens.ts';
import { tokensToSegments, type WindowSegments, type WindowSpan } from './tokens-to-segments.ts';
import type { WindowPools } from './window-pools.ts';

/** Windows hotter than this are too uncertain to be told to the next (openai/whisper, `transcribe`). */
const MAX_CONTEXT_TEMPERATURE = 0.5;

/** Nothing is said before the text, and nothing of it is given. */
const NO_CONTEXT = { previousTokens: [], hotwordTokens: [], prefixTokens: [], maxPromptTokens: 0 };

/** What one window is worked on with. */
export interface WindowContext {
  readonly model: WhisperModel;
  readonly pools: WindowPools;
  readonly options: TranscriptionOptions;
  readonly rules: DecodingRules;
  readonly slots: WindowSlots;
  /** The lanes that it may use; the first holds the window. */
  readonly lanes: { readonly maxLanes: number; lane(index: number): DecoderLane };
}

/** A window as it was heard; frames count as those of its span do. */
export interface HeardWindow extends WindowTokens {
  readonly span: WindowSpan;
  /** In order; with words where they were asked for. */
  readonly segments: readonly WordSegment[];
  /** Where the next window begins. */
  readonly nextFrame: number;
}

/**
 * @param span of the samples that lie in the slots.
 * @param contentFrames length of all that is transcribed; Infinity while it is not known.
 * @param state changed to what the next window goes on from.
 * @throws InferenceError, PoolError; the signal's reason.
 */
export async function transcribeWindow(
  span: WindowSpan,
  contentFrames: number,
  context: WindowContext,
  state: SpeechState,
  signal: AbortSignal,
): Promise<HeardWindow> {
  const { model, pools, options, slots, lanes, rules } = context;
  const { pcm, mel, hiddenStates } = slots;
  await pcmToMel(pcm, mel.data, pools.logMelKernel, signal);
  await melToHiddenStates(pools.encoder, mel, hiddenStates, signal);
  await lanes.lane(0).fill(hiddenStates, signal);
  const language = await languageOf(context, state, signal);
  const prompt = promptOf(context, span, language, state.previousTokens);
  const decoded = await hiddenStatesToTokens(lanes, prompt, rules, span.startFrame, signal);
  if (isSilent(decoded, options)) {
    return { ...decoded, span, segments: [], nextFrame: span.startFrame + span.nFrames };
  }
  const cut = tokensToSegments(decoded.tokens, span, model.tokenizer);
  const heard: CutWindow = options.word_timestamps
    ? await withWords(context, cut, span, contentFrames, state, signal)
    : {
        segments: cut.segments.map((segment) => ({ ...segment, words: [] })),
        nextFrame: span.startFrame + cut.consumedFrames,
      };
  state.previousTokens = tokensToContinue(state.previousTokens, heard, decoded, context);
  return { ...decoded, span, ...heard };
}

/** Detects it in the first window that is heard, where it was not given. */
async function languageOf(
  { model, lanes }: WindowContext,
  state: SpeechState,
  signal: AbortSignal,
): Promise<string> {
  if (state.language !== null) return state.language;
  const { language, probability } = await detectLanguage(lanes.lane(0), model.tokenizer, signal);
  state.language = language;
  state.languageProbability = probability;
  return language;
}

function promptOf(
  { model, options, rules }: WindowContext,
  { startFrame }: WindowSpan,
  language: string,
  previousTokens: readonly number[],
): Prompt {
  const { tokenizer } = model;
  return promptTokens(tokenizer, {
    language,
    task: options.task,
    withoutTimestamps: options.without_timestamps,
    previousTokens,
    hotwordTokens: rules.hotwordTokens,
    prefixTokens: startFrame === 0 ? rules.prefixTokens : [],
    maxPromptTokens: rules.maxPromptTokens,
  });
}

/** No speech is likely, and what was heard all the same is not. */
function isSilent(
  { noSpeechProb, avgLogprob }: WindowTokens,
  { no_speech_threshold, logprob_threshold }: TranscriptionOptions,
): boolean {
  if (no_speech_threshold === null || noSpeechProb <= no_speech_threshold) return false;
  return logprob_threshold === null || avgLogprob <= logprob_threshold;
}

/** What the next window is told: all that was heard, unless it is not to be told or was guessed. */
function tokensToContinue(
  previous: readonly number[],
  { segments }: CutWindow,
  { temperature }: WindowTokens,
  { options, rules }: WindowContext,
): readonly number[] {
  if (!options.condition_on_previous_text || temperature > MAX_CONTEXT_TEMPERATURE) return [];
  const heard = segments.flatMap(({ tokens }) => tokens);
  return [...previous, ...heard].slice(-rules.maxPromptTokens);
}

interface CutWindow {
  readonly segments: readonly WordSegment[];
  readonly nextFrame: number;
}

/** Times of words, which may move what the next window begins with. */
async function withWords(
  { model, pools, options, lanes }: WindowContext,
  cut: WindowSegments,
  span: WindowSpan,
  contentFrames: number,
  state: SpeechState,
  signal: AbortSignal,
): Promise<CutWindow> {
  const { tokenizer } = model;
  const language = state.language ?? '';
  const textTokens = cut.segments
    .flatMap(({ tokens }) => tokens)
    .filter((token) => token < tokenizer.endOfText);
  const words = await pools.wordTimer.wordsOf(
    {
      lane: lanes.lane(0),
      start: promptTokens(tokenizer, {
        ...NO_CONTEXT,
        language,
        task: options.task,
        withoutTimestamps: true,
      }).tokens,
      textTokens,
      endOfText: tokenizer.endOfText,
      ...tokenizer.splitToWordTokens(textTokens, language),
      span,
    },
    signal,
  );
  const segments = addWordTimes(cut.segments, words, {
    prepended: options.prepend_punctuations,
    appended: options.append_punctuations,
    span,
    lastSpeechFrame: state.lastSpeechFrame,
    endOfText: tokenizer.endOfText,
  });
  const silenceSeconds = options.hallucination_silence_threshold;
  const {
    lastSpeechFrame,
    seekFrame,
    segments: kept,
  } = seekByWords(
    {
      segments,
      span,
      seekFrame: span.startFrame + cut.consumedFrames,
      endsOpen: cut.endsOpen,
      lastSpeechFrame: state.lastSpeechFrame,
      contentFrames,
    },
    silenceSeconds === null ? null : Math.round(silenceSeconds * FRAMES_PER_SECOND),
  );
  state.lastSpeechFrame = lastSpeechFrame;
  return { segments: kept, nextFrame: seekFrame };
}
