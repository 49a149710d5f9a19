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
 * @param state changed to what the next window goes on from; a window in which nobody speaks leaves
 *   it as it is.
 * @throws InferenceError, PoolError; the signal's reason.
 */
export async function transcribeWindow(
  span: WindowSpan,
  contentFrames: number,
  context: WindowContext,
  state: SpeechState,
  signal: AbortSignal,
): Promise<HeardWindow> {
  const { pools, options, slots, lanes, rules } = context;
  const { pcm, mel, hiddenStates } = slots;
  await pcmToMel(pcm, mel.data, pools.logMelKernel, signal);
  await melToHiddenStates(pools.encoder, mel, hiddenStates, signal);
  await lanes.lane(0).fill(hiddenStates, signal);
  const spoken = await languageOf(context, state, signal);
  const prompt = promptOf(context, spoken.language, state);
  const decoded = await hiddenStatesToTokens(lanes, prompt, rules, span.startFrame, signal);
  if (isSilent(decoded, options)) {
    return { ...decoded, span, segments: [], nextFrame: span.startFrame + span.nFrames };
  }
  const cut = tokensToSegments(decoded.tokens, span, context.model.tokenizer);
  const said: SaidInWindow = options.word_timestamps
    ? await withWords(context, cut, { span, contentFrames, ...spoken }, state, signal)
    : {
        segments: cut.segments.map((segment) => ({ ...segment, words: [] })),
        nextFrame: span.startFrame + cut.consumedFrames,
        lastSpeechFrame: state.lastSpeechFrame,
      };
  if (said.segments.length > 0) {
    state.language = spoken.language;
    state.languageProbability = spoken.languageProbability;
    state.previousTokens = tokensToContinue(state.previousTokens, said, decoded, context);
    state.awaitsPrefix = false;
    state.lastSpeechFrame = said.lastSpeechFrame;
  }
  return { ...decoded, span, segments: said.segments, nextFrame: said.nextFrame };
}

interface SpokenLanguage {
  readonly language: string;
  readonly languageProbability: number | null;
}

/** Detects it where it was neither given nor heard before. */
async function languageOf(
  { model, lanes }: WindowContext,
  { language, languageProbability }: SpeechState,
  signal: AbortSignal,
): Promise<SpokenLanguage> {
  if (language !== null) return { language, languageProbability };
  const detected = await detectLanguage(lanes.lane(0), model.tokenizer, signal);
  return { language: detected.language, languageProbability: detected.probability };
}

function promptOf(
  { model, options, rules }: WindowContext,
  language: string,
  { previousTokens, awaitsPrefix }: SpeechState,
): Prompt {
  return promptTokens(model.tokenizer, {
    language,
    task: options.task,
    withoutTimestamps: options.without_timestamps,
    previousTokens,
    hotwordTokens: rules.hotwordTokens,
    prefixTokens: awaitsPrefix ? rules.prefixTokens : [],
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
  { segments }: SaidInWindow,
  { temperature }: WindowTokens,
  { options, rules }: WindowContext,
): readonly number[] {
  if (!options.condition_on_previous_text || temperature > MAX_CONTEXT_TEMPERATURE) return [];
  const heard = segments.flatMap(({ tokens }) => tokens);
  return [...previous, ...heard].slice(-rules.maxPromptTokens);
}

interface SaidInWindow {
  readonly segments: readonly WordSegment[];
  readonly nextFrame: number;
  readonly lastSpeechFrame: number;
}

interface SpokenWindow {
  readonly span: WindowSpan;
  readonly contentFrames: number;
  readonly language: string;
}

/** Times of words, which may move what the next window begins with. */
async function withWords(
  { model, pools, options, lanes }: WindowContext,
  cut: WindowSegments,
  { span, contentFrames, language }: SpokenWindow,
  { lastSpeechFrame }: SpeechState,
  signal: AbortSignal,
): Promise<SaidInWindow> {
  const { tokenizer } = model;
  const { endOfText } = tokenizer;
  const textTokens = cut.segments
    .flatMap(({ tokens }) => tokens)
    .filter((token) => token < endOfText);
  const { tokens: start } = promptTokens(tokenizer, {
    ...NO_CONTEXT,
    language,
    task: options.task,
    withoutTimestamps: true,
  });
  const text = { textTokens, ...tokenizer.splitToWordTokens(textTokens, language) };
  const words = await pools.wordTimer.wordsOf(
    { ...text, lane: lanes.lane(0), start, endOfText, span },
    signal,
  );
  const segments = addWordTimes(cut.segments, words, {
    prepended: options.prepend_punctuations,
    appended: options.append_punctuations,
    span,
    lastSpeechFrame,
    endOfText,
  });
  const seekFrame = span.startFrame + cut.consumedFrames;
  const { endsOpen } = cut;
  const silenceSeconds = options.hallucination_silence_threshold;
  const heard = seekByWords(
    { segments, span, seekFrame, endsOpen, lastSpeechFrame, contentFrames },
    silenceSeconds === null ? null : Math.round(silenceSeconds * FRAMES_PER_SECOND),
  );
  const { seekFrame: nextFrame, ...rest } = heard;
  return { ...rest, nextFrame };
}
