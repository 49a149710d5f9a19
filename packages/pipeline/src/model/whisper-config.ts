/** `config.json` and `generation_config.json` of a Whisper as Hugging Face publishes it. */

import { z } from 'zod';
import { ModelError } from './model-error.ts';
import { readModelJson, readOptionalModelJson } from './model-file.ts';

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

/** The reference's default of `max_initial_timestamp`: 50 timestamps of 20 ms are 1 s. */
const MAX_INITIAL_TIMESTAMP_INDEX = 50;

/** Some writers put null where others leave a field out. */
const optional = <Schema extends z.ZodType>(schema: Schema) =>
  schema.nullish().transform((value) => value ?? null);
const token = z.int().min(0);
/** -1 stands for the tokens that are suppressed by default, as if the field were not there. */
const suppressed = z
  .array(z.int())
  .transform((tokens) => (tokens.some((id) => id < 0) ? null : tokens));

/** Fields of one of the two files; each file may lack any of them. */
const generationSchema = z.object({
  eos_token_id: optional(z.union([token, z.tuple([token], token).transform(([id]) => id)])),
  decoder_start_token_id: optional(token),
  prev_sot_token_id: optional(token),
  no_timestamps_token_id: optional(token),
  is_multilingual: optional(z.boolean()),
  lang_to_id: optional(z.record(z.string(), token)),
  max_initial_timestamp_index: optional(token),
  suppress_tokens: optional(suppressed),
  begin_suppress_tokens: optional(suppressed),
  alignment_heads: optional(z.array(z.tuple([z.int().min(0), z.int().min(0)]))),
  vocab_size: optional(z.int().positive()),
});
type PublishedGeneration = z.infer<typeof generationSchema>;

/**
 * How a model is to be run, as far as its files say so: null where neither does, as in folders of
 * older published and of many fine-tuned models.
 */
export interface GenerationConfig extends Readonly<PublishedGeneration> {
  /** Highest timestamp that a window may begin with, in steps of 20 ms. */
  readonly max_initial_timestamp_index: number;
}

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

/**
 * Reads `generation_config.json`, and `config.json` for what it does not say: models from before
 * the former existed, and many fine-tuned ones, keep the same fields in the latter.
 *
 * @throws ModelError `missing_file` where both are absent; `invalid_file`, `unsupported_model`.
 */
export async function readGenerationConfig(folder: string): Promise<GenerationConfig> {
  const generation = await readGeneration(folder, 'generation_config.json');
  const config = await readGeneration(folder, 'config.json');
  if (generation === null && config === null) {
    throw new ModelError('missing_file', `${folder} has no config.json`);
  }
  const said = Object.entries(generation ?? {}).filter(([, value]) => value !== null);
  const merged = generationSchema.parse({ ...config, ...Object.fromEntries(said) });
  return {
    ...merged,
    max_initial_timestamp_index: merged.max_initial_timestamp_index ?? MAX_INITIAL_TIMESTAMP_INDEX,
  };
}

async function readGeneration(folder: string, name: string): Promise<PublishedGeneration | null> {
  const value = await readOptionalModelJson(folder, name);
  return value === null ? null : parse(generationSchema, value, name);
}

function parse<Schema extends z.ZodType>(schema: Schema, value: unknown, name: string) {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const reasons = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new ModelError('unsupported_model', `${name}: ${reasons.join('; ')}`);
}
