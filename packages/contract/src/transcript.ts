/** The result of a job: timed text, as it is stored and as `format=json` delivers it. */

import { z } from 'zod';

/** A span of text. Times are seconds from the start of the recording. */
export const segmentSchema = z.strictObject({
  id: z.int().min(0),
  start: z.number().min(0),
  end: z.number().min(0),
  text: z.string(),
  /** Token ids of the model's tokenizer, timestamps included. */
  tokens: z.array(z.int()),
  /** Mean log-probability of the tokens of the segment's window. */
  avg_logprob: z.number(),
  /** Probability that the segment's window holds no speech. */
  no_speech_prob: z.number(),
  /** Who speaks, where the recording tells (one channel a speaker). */
  speaker: z.string().optional(),
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
  /** ISO 639-1 code. */
  language: z.string(),
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
