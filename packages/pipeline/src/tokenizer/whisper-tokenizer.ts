/** A Whisper's vocabulary: tokens from text, text from tokens, and which tokens steer the model. */

import { Tokenizer } from '@huggingface/tokenizers';
import { FRAMES_PER_SECOND, FRAMES_PER_TIMESTAMP } from '../hyperparameters.ts';
import { ModelError } from '../model/model-error.ts';
import type { GenerationConfig } from '../model/whisper-config.ts';
import { canonicalLanguageCode } from './language-code.ts';
import { nonSpeechTokens } from './non-speech-tokens.ts';
import { promptTokens } from './prompt-tokens.ts';
import { readVocabulary, type Vocabulary } from './read-vocabulary.ts';
import { type SpecialTokens, specialTokens } from './special-tokens.ts';
import { StreamingDecoder } from './streaming-decoder.ts';
import { TokenBytes } from './token-bytes.ts';
import { splitToWordTokens, type WordTokens } from './word-tokens.ts';

/** Text tokens lie below `endOfText`, timestamps from `firstTimestamp` on, 20 ms apart. */
export class WhisperTokenizer implements SpecialTokens {
  readonly endOfText: number;
  readonly startOfTranscript: number;
  readonly translate: number;
  readonly transcribe: number;
  readonly startOfLm: number;
  readonly startOfPrev: number;
  readonly noSpeech: number;
  readonly noTimestamps: number;
  readonly firstTimestamp: number;
  readonly lastTimestamp: number;
  readonly languageTokens: ReadonlyMap<string, number>;
  readonly isMultilingual: boolean;
  readonly #library: Tokenizer;
  readonly #tokenBytes: TokenBytes;
  readonly #pieces: StreamingDecoder;

  /** @throws ModelError `unsupported_model` where this is no vocabulary of a Whisper. */
  constructor({ definition, vocab, controlTokens }: Vocabulary, generation: GenerationConfig) {
    const special = specialTokens(controlTokens, generation);
    this.endOfText = special.endOfText;
    this.startOfTranscript = special.startOfTranscript;
    this.translate = special.translate;
    this.transcribe = special.transcribe;
    this.startOfLm = special.startOfLm;
    this.startOfPrev = special.startOfPrev;
    this.noSpeech = special.noSpeech;
    this.noTimestamps = special.noTimestamps;
    this.firstTimestamp = special.firstTimestamp;
    this.lastTimestamp = special.lastTimestamp;
    this.languageTokens = special.languageTokens;
    this.isMultilingual = special.isMultilingual;
    this.#tokenBytes = new TokenBytes(vocab, this.endOfText);
    this.#pieces = new StreamingDecoder(this.#tokenBytes);
    this.#library = openLibrary(definition);
  }

  /** @throws ModelError `missing_file`, `invalid_file` or `unsupported_model`. */
  static async open(folder: string, generation: GenerationConfig): Promise<WhisperTokenizer> {
    return new WhisperTokenizer(await readVocabulary(folder), generation);
  }

  /** Codes of the languages that the model knows, in the order of its vocabulary. */
  get languageCodes(): readonly string[] {
    return this.isMultilingual ? [...this.languageTokens.keys()] : ['en'];
  }

  /** Whisper's code of a language from any spelling of it; null where the model does not know it. */
  languageCode(code: string): string | null {
    const canonical = canonicalLanguageCode(code);
    return this.languageCodes.includes(canonical) ? canonical : null;
  }

  /** Tokens that a window's text begins after: what language it is in, and what is to be done. */
  promptFor(language: string): readonly number[] {
    return promptTokens(this, {
      language,
      task: 'transcribe',
      withoutTimestamps: false,
      previousTokens: [],
      hotwordTokens: [],
      prefixTokens: [],
      maxPromptTokens: 0,
    }).tokens;
  }

  /** All that is special but the end of the text: it is never sampled. */
  get controlTokens(): readonly number[] {
    const length = this.firstTimestamp - this.endOfText - 1;
    return Array.from({ length }, (_, index) => this.endOfText + 1 + index);
  }

  /** What is suppressed beside control tokens where the model's files do not say. */
  nonSpeechTokens(): readonly number[] {
    return nonSpeechTokens((text) => this.encode(text));
  }

  /** What a window may not begin with where the model's files do not say: a space, the end. */
  blankTokens(): readonly number[] {
    return [...this.encode(' '), this.endOfText];
  }

  isTimestamp(token: number): boolean {
    return token >= this.firstTimestamp;
  }

  /** Frames of 10 ms from the start of the window. */
  timestampFrames(token: number): number {
    return (token - this.firstTimestamp) * FRAMES_PER_TIMESTAMP;
  }

  /** Text tokens only: a control token's name in the text is text. */
  encode(text: string): readonly number[] {
    return this.#library.encode(text, { add_special_tokens: false }).ids;
  }

  /** Tokens of a user's prompt, hotwords or prefix: as inside a text, a space leads its words. */
  encodePrompt(text: string): readonly number[] {
    const trimmed = text.trim();
    return trimmed === '' ? [] : this.encode(` ${trimmed}`);
  }

  /** The text of the text tokens among `tokens`, with the space that leads it. */
  decode(tokens: readonly number[]): string {
    const { buffer, length } = this.#tokenBytes.join(tokens);
    return buffer.toString('utf8', 0, length);
  }

  /**
   * The text of each token: timestamps as `<|1.08|>`; of tokens that share a character, the last
   * has it and the others have none.
   */
  tokenTexts(tokens: readonly number[]): string[] {
    const texts = tokens.map((token) =>
      token < this.endOfText ? this.#pieces.push(token) : this.#nameOf(token),
    );
    this.#pieces.flush();
    return texts;
  }

  #nameOf(token: number): string {
    if (!this.isTimestamp(token)) return '';
    return `<|${(this.timestampFrames(token) / FRAMES_PER_SECOND).toFixed(2)}|>`;
  }

  /** For text that is shown while it is decoded. */
  streamingDecoder(): StreamingDecoder {
    return new StreamingDecoder(this.#tokenBytes);
  }

  /** @see splitToWordTokens */
  splitToWordTokens(tokens: readonly number[], language: string): WordTokens {
    return splitToWordTokens(tokens, language, this.#tokenBytes, this.endOfText);
  }
}

function openLibrary(definition: Vocabulary['definition']): Tokenizer {
  try {
    // tokenizer_config.json says how to clean text up, which is not wanted here.
    return new Tokenizer(definition, {});
  } catch (error) {
    throw new ModelError('unsupported_model', 'the tokenizer is of an unknown kind', {
      cause: error,
    });
  }
}
