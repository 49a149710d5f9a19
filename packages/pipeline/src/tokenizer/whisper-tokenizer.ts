/** A Whisper's vocabulary: text from tokens, and which tokens steer the model. */

import { Tokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';
import { FRAMES_PER_TIMESTAMP } from '../hyperparameters.ts';
import { ModelError } from '../model/model-error.ts';
import { readModelJson } from '../model/model-file.ts';
import type { GenerationConfig } from '../model/whisper-config.ts';

const tokenizerSchema = z.looseObject({
  added_tokens: z.array(z.looseObject({})),
  model: z.looseObject({}),
});

/**
 * Layout of every Whisper's vocabulary: text < `endOfText` < control tokens < `firstTimestamp`;
 * from there on each token is 20 ms later than the one before.
 */
export class WhisperTokenizer {
  readonly endOfText: number;
  readonly startOfTranscript: number;
  readonly noTimestamps: number;
  readonly noSpeech: number;
  readonly firstTimestamp: number;
  readonly isMultilingual: boolean;
  readonly #tokenizer: Tokenizer;

  constructor(tokenizer: Tokenizer, generation: GenerationConfig) {
    this.#tokenizer = tokenizer;
    this.endOfText = generation.eos_token_id;
    this.startOfTranscript = generation.decoder_start_token_id;
    this.noTimestamps = generation.no_timestamps_token_id;
    this.firstTimestamp = this.noTimestamps + 1;
    this.isMultilingual = generation.is_multilingual;
    this.noSpeech = this.#idOf('<|nospeech|>', '<|nocaptions|>');
  }

  static async open(folder: string, generation: GenerationConfig): Promise<WhisperTokenizer> {
    const file = 'tokenizer.json';
    const parsed = tokenizerSchema.safeParse(await readModelJson(folder, file));
    if (!parsed.success) throw new ModelError('invalid_file', `${file} is no tokenizer`);
    // tokenizer_config.json says how to clean text up, which is not wanted here.
    return new WhisperTokenizer(new Tokenizer(parsed.data, {}), generation);
  }

  /** Tokens that a window's text begins after: what language it is in, and what is to be done. */
  promptFor(language: string): readonly number[] {
    if (!this.isMultilingual) return [this.startOfTranscript];
    return [this.startOfTranscript, this.#idOf(`<|${language}|>`), this.#idOf('<|transcribe|>')];
  }

  /** All that is special but the end of the text: it is never sampled. */
  get controlTokens(): readonly number[] {
    const length = this.firstTimestamp - this.endOfText - 1;
    return Array.from({ length }, (_, index) => this.endOfText + 1 + index);
  }

  isTimestamp(token: number): boolean {
    return token >= this.firstTimestamp;
  }

  /** Frames of 10 ms from the start of the window. */
  timestampFrames(token: number): number {
    return (token - this.firstTimestamp) * FRAMES_PER_TIMESTAMP;
  }

  /** The text of the text tokens among `tokens`, with the space that leads it. */
  decode(tokens: readonly number[]): string {
    const text = tokens.filter((token) => token < this.endOfText);
    if (text.length === 0) return '';
    return this.#tokenizer.decode(text, {
      skip_special_tokens: false,
      clean_up_tokenization_spaces: false,
    });
  }

  #idOf(...spellings: readonly string[]): number {
    for (const spelling of spellings) {
      const id = this.#tokenizer.token_to_id(spelling);
      if (id !== undefined) return id;
    }
    throw new ModelError('unsupported_model', `tokenizer.json has no ${spellings.join(' or ')}`);
  }
}
