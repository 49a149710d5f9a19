/** `config.json` and `generation_config.json` of a Whisper as Hugging Face publishes it. */

import { z } from 'zod';
import { ModelError } from './model-error.ts';
import { readModelJson } from './model-file.ts';

/** Sizes of a Whisper; everything that a graph or a buffer is shaped by. */
export interface WhisperDimensions {
  readonly nMels: number;
  /** Width of a hidden state, `d_model`. */
  readonly dModel: number;
  /** Hidden states of a window: 1,500. */
  readonly nAudioPositions: number;
  /** Tokens that a decoder may hold: 448. */
  readonly nTextPositions: number;
  readonly vocabSize: number;
  readonly encoderLayers: number;
  readonly encoderHeads: number;
  readonly encoderFfnSize: number;
  readonly decoderLayers: number;
  readonly decoderHeads: number;
  readonly decoderFfnSize: number;
}

const configSchema = z.object({
  model_type: z.literal('whisper'),
  activation_function: z.literal('gelu').default('gelu'),
  scale_embedding: z.literal(false).default(false),
  d_model: z.int().positive(),
  encoder_layers: z.int().positive(),
  encoder_attention_heads: z.int().positive(),
  encoder_ffn_dim: z.int().positive(),
  decoder_layers: z.int().positive(),
  decoder_attention_heads: z.int().positive(),
  decoder_ffn_dim: z.int().positive(),
  num_mel_bins: z.int().positive(),
  max_source_positions: z.int().positive(),
  max_target_positions: z.int().positive(),
  vocab_size: z.int().positive(),
});

const generationSchema = z.object({
  eos_token_id: z.int(),
  decoder_start_token_id: z.int(),
  no_timestamps_token_id: z.int(),
  is_multilingual: z.boolean().default(false),
  /** Highest timestamp that a window may begin with; the reference's default is 50, which is 1 s. */
  max_initial_timestamp_index: z.int().min(0).default(50),
  suppress_tokens: z.array(z.int()).default([]),
  begin_suppress_tokens: z.array(z.int()).default([]),
});
export type GenerationConfig = z.infer<typeof generationSchema>;

/** @throws ModelError `missing_file`, `invalid_file`, or `unsupported_model` with the reason. */
export async function readDimensions(folder: string): Promise<WhisperDimensions> {
  const config = parse(configSchema, await readModelJson(folder, 'config.json'), 'config.json');
  if (config.d_model % config.encoder_attention_heads !== 0) {
    throw new ModelError('unsupported_model', 'config.json: d_model is no multiple of the heads');
  }
  return {
    nMels: config.num_mel_bins,
    dModel: config.d_model,
    nAudioPositions: config.max_source_positions,
    nTextPositions: config.max_target_positions,
    vocabSize: config.vocab_size,
    encoderLayers: config.encoder_layers,
    encoderHeads: config.encoder_attention_heads,
    encoderFfnSize: config.encoder_ffn_dim,
    decoderLayers: config.decoder_layers,
    decoderHeads: config.decoder_attention_heads,
    decoderFfnSize: config.decoder_ffn_dim,
  };
}

export async function readGenerationConfig(folder: string): Promise<GenerationConfig> {
  const name = 'generation_config.json';
  return parse(generationSchema, await readModelJson(folder, name), name);
}

function parse<Schema extends z.ZodType>(schema: Schema, value: unknown, name: string) {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const reasons = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new ModelError('unsupported_model', `${name}: ${reasons.join('; ')}`);
}
