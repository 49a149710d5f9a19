/** The result of a job: timed text, as it is stored and as `format=json` delivers it. */

import { z } from 'zod';

/** A word with the punctuation that belongs to it, and the space that leads it. */
export const wordSchema = z.strictObject({
  word: z.string(),
  start: z.number().min(0),
  end: z.number().min(0),
  /** Mean probability of its tokens. */
  probability: z.number().min(0).max(1),
  speaker: z.string().optional(),
});
export type Word = z.infer<typeof wordSchema>;

/** A span of text. Times are seconds from the start of the recording. */
export const segmentSchema = z.strictObject({
  id: z.int().min(0),
  /** Where the window that it was heard in begins, in frames of 10 ms. */
  seek: z.int().min(0),
  start: z.number().min(0),
  end: z.number().min(0),
  text: z.string(),
  /** Token ids of the model's tokenizer, timestamps included. */
  tokens: z.array(z.int()),
  /** Log-probability of each of `tokens`. */
  token_logprobs: z.array(z.number()),
  /**
   * Text of each of `tokens`. A timestamp is written `<|1.08|>`; of tokens that share a character
   * the last has it and the others are empty.
   */
  token_texts: z.array(z.string()).optional(),
  /** At which its window was decoded; 0 is the likeliest text. */
  temperature: z.number().min(0),
  /** Length of the window's text over its length when compressed: high where it repeats itself. */
  compression_ratio: z.number().min(0),
  /** Mean log-probability of the tokens of the segment's window. */
  avg_logprob: z.number(),
  /** Probability that the segment's window holds no speech. */
  no_speech_prob: z.number(),
  /** Who speaks, where the recording tells (one channel a speaker). */
  speaker: z.string().optional(),
  /** In order, inside the segment; only where word times were asked for. */
  words: z.array(wordSchema).optional(),
});
export type Segment = z.infer<typeof segmentSchema>;

/** Something the user should know about a result that is otherwise good. */
export const warningSchema = z.strictObject({ code: z.string(), message: z.string() });
export type Warning = z.infer<typeof warningSchema>;

/** What really ran: never what was wished for. */
export const ranOnSchema = z.strictObject({
  /** Name of the device in its fleet, `cpu0` for instance. */
  device: z.string(),
  /** ONNX Runtime's name of the execution provider, `CPUExecutionProvider` for instance. */
  execution_provider: z.string(),
});
export type RanOn = z.infer<typeof ranOnSchema>;

export const transcriptSchema = z.strictObject({
  text: z.string(),
  /** Whisper's code, which is that of ISO 639-1 where there is one. */
  language: z.string(),
  /** Of the detected language; null where it was given, or the model knows only one. */
  language_probability: z.number().min(0).max(1).nullable(),
  /** Length of the decoded recording in seconds. */
  duration: z.number().min(0),
  model: z.string(),
  segments: z.array(segmentSchema),
  warnings: z.array(warningSchema),
  ran_on: ranOnSchema,
  /** Wall-clock seconds from the start of decoding to the last segment. */
  processing_seconds: z.number().min(0),
});
export type Transcript = z.infer<typeof transcriptSchema>;
