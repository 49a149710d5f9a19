/** Tokenizers for tests: of the demonstration model, and of published ones where they lie. */

import { join } from 'node:path';
import {
  type GenerationConfig,
  readGenerationConfig,
} from '../../packages/pipeline/src/model/whisper-config.ts';
import { WhisperTokenizer } from '../../packages/pipeline/src/tokenizer/whisper-tokenizer.ts';
import { DEMO_MODEL, SHARED } from './paths.ts';

export const ENGLISH_ONLY = 'tokenizer-tiny.en';
export const MULTILINGUAL = 'tokenizer-multilingual';

/** A folder whose files say nothing. */
export const SILENT: GenerationConfig = {
  eos_token_id: null,
  decoder_start_token_id: null,
  prev_sot_token_id: null,
  no_timestamps_token_id: null,
  is_multilingual: null,
  lang_to_id: null,
  max_initial_timestamp_index: 50,
  suppress_tokens: null,
  begin_suppress_tokens: null,
  alignment_heads: null,
  vocab_size: null,
};

export async function openDemoTokenizer(): Promise<WhisperTokenizer> {
  return await WhisperTokenizer.open(DEMO_MODEL, await readGenerationConfig(DEMO_MODEL));
}

/** A published vocabulary, with nothing but its own files to tell the control tokens. */
export async function openPublishedTokenizer(name: string): Promise<WhisperTokenizer> {
  return await WhisperTokenizer.open(join(SHARED, name), SILENT);
}
