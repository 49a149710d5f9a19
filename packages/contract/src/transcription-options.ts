/**
 * What a user may choose about how a recording is transcribed. Names and defaults are those of
 * openai/whisper's `transcribe` and `DecodingOptions`, where it has them; those that differ say why.
 */

import { z } from 'zod';

/** Longest text that is given to the model before a recording; it keeps the last 223 tokens. */
const MAX_PROMPT_LENGTH = 2_000;
/** A beam, or as many samples, of one window: each takes a lane of the decoder. */
export const MAX_HYPOTHESES = 5;
const MAX_CLIPS = 1_000;

const seconds = z.number().min(0);
const promptText = z.string().max(MAX_PROMPT_LENGTH);

const DEFAULT_TEMPERATURES = [0, 0.2, 0.4, 0.6, 0.8, 1];
/** Punctuation that belongs to the word after it, and to the word before it. */
const PREPEND_PUNCTUATIONS = '"\'“¿([{-';
const APPEND_PUNCTUATIONS = '"\'.。,，!！?？:：”)]}、';

const optionsSchema = z.strictObject({
  /** Whisper's code of the spoken language; detected in the first window that speaks unless given. */
  language: z.string().min(2).max(8).optional(),
  /** `translate`: into English, which only multilingual models can. */
  task: z.enum(['transcribe', 'translate']).default('transcribe'),
  /**
   * `sequential`: each window begins where the last closed segment ended. `batched`: voice activity
   * cuts the recording into windows that are decoded side by side, each as a recording of its own;
   * faster for one long recording, and may lose words at the cuts.
   */
  mode: z.enum(['sequential', 'batched']).default('sequential'),
  /** `separate`: each channel is transcribed on its own and named as a speaker. */
  channels: z.enum(['mix', 'separate']).default('mix'),
  /** Leave out what holds no speech before it reaches the encoder. */
  vad_filter: z.boolean().default(false),
  word_timestamps: z.boolean().default(false),

  /**
   * Text that the recording is taken to continue: spelling, style, names. Told to the first window
   * that speaks; to all of them where they are decoded side by side.
   */
  prompt: promptText.optional(),
  /** Words that are likely to occur; told to every window that does not begin with a prefix. */
  hotwords: promptText.optional(),
  /** Text that the first window is taken to begin with. */
  prefix: promptText.optional(),
  /**
   * Whether a window is told the text before it. Off, other than in the reference: it helps
   * consistency, and lets one wrong window spoil those after it.
   */
  condition_on_previous_text: z.boolean().default(false),

  /** One temperature, or those to fall back on one after the other where a window fails. */
  temperature: z
    .union([
      z
        .number()
        .min(0)
        .max(1)
        .transform((value) => [value]),
      z.array(z.number().min(0).max(1)).min(1).max(10),
    ])
    .default(DEFAULT_TEMPERATURES),
  /** Hypotheses that are followed at temperature 0; 1 is greedy. */
  beam_size: z.int().min(1).max(MAX_HYPOTHESES).default(1),
  /** A beam ends when `beam_size` times this many hypotheses are finished (arXiv:2204.05424). */
  patience: z.number().positive().max(4).default(1),
  /** The exponent of Google NMT's length penalty; the plain length unless given. */
  length_penalty: z.number().min(0).max(1).optional(),
  /** Samples of which the likeliest is kept, at temperatures above 0. */
  best_of: z.int().min(1).max(MAX_HYPOTHESES).default(MAX_HYPOTHESES),
  /** Of the random numbers at temperatures above 0: the same job gives the same text. */
  seed: z.int().min(0).max(0xffff_ffff).default(0),

  suppress_blank: z.boolean().default(true),
  /** Tokens that are never sampled; -1 stands for those that the model's files name. */
  suppress_tokens: z.array(z.int().min(-1)).max(1_000).default([-1]),
  without_timestamps: z.boolean().default(false),
  /** Latest begin of a window's first segment, in seconds; what the model's files say unless given. */
  max_initial_timestamp: z.number().min(0).max(30).optional(),

  /** A window whose text compresses better repeats itself and is decoded anew; null never. */
  compression_ratio_threshold: z.number().positive().nullable().default(2.4),
  /** A window that is less likely on average is decoded anew; null never. */
  logprob_threshold: z.number().nullable().default(-1),
  /** Above it, and below `logprob_threshold`, a window is silent; null never. */
  no_speech_threshold: z.number().min(0).max(1).nullable().default(0.6),
  /** Leaves out silence longer than this around text that looks made up; needs `word_timestamps`. */
  hallucination_silence_threshold: z.number().positive().nullable().default(null),
  /** `start, end, start, end, ...` of what is to be transcribed; the last end may be left out. */
  clip_timestamps: z
    .array(seconds)
    .max(2 * MAX_CLIPS)
    .refine((times) => times.every((time, i) => time >= (times[i - 1] ?? 0)), 'must not go back')
    .refine((times) => times.every(endsAfterStart), 'must not hold an empty clip')
    .default([]),

  prepend_punctuations: z.string().max(100).default(PREPEND_PUNCTUATIONS),
  append_punctuations: z.string().max(100).default(APPEND_PUNCTUATIONS),
});

export type TranscriptionOptions = z.output<typeof optionsSchema>;

/** Parsing what it answers gives the same once more. */
export const transcriptionOptionsSchema = optionsSchema.superRefine((options, context) => {
  for (const { field, message, isMet } of CONFLICTS) {
    if (isMet(options)) context.addIssue({ code: 'custom', path: [field], message });
  }
});

interface Conflict {
  readonly field: keyof TranscriptionOptions;
  readonly message: string;
  isMet(options: TranscriptionOptions): boolean;
}

/** What cannot be done together is refused: an option that has no effect would be a silent loss. */
const CONFLICTS: readonly Conflict[] = [
  {
    field: 'hallucination_silence_threshold',
    message: 'needs word_timestamps',
    isMet: (options) =>
      options.hallucination_silence_threshold !== null && !options.word_timestamps,
  },
  {
    field: 'condition_on_previous_text',
    message: 'is not possible with mode batched, whose windows do not know of each other',
    isMet: (options) => options.condition_on_previous_text && options.mode === 'batched',
  },
  {
    field: 'beam_size',
    message: 'above 1 needs temperature 0, at which alone a beam is followed',
    isMet: (options) => options.beam_size > 1 && !options.temperature.includes(0),
  },
  {
    field: 'patience',
    message: 'needs a beam_size above 1',
    isMet: (options) => options.patience !== 1 && options.beam_size === 1,
  },
  {
    field: 'max_initial_timestamp',
    message: 'is not possible with without_timestamps',
    isMet: (options) => options.max_initial_timestamp !== undefined && options.without_timestamps,
  },
];

/** In `start, end, start, end, ...`. */
function endsAfterStart(time: number, index: number, times: readonly number[]): boolean {
  return index % 2 === 0 || time > (times[index - 1] ?? 0);
}
