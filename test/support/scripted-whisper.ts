/**
 * Folders of multilingual Whispers that say what they are told to, whatever they hear: real files,
 * vocabulary, graphs and attention, and weights that are zero but for a script.
 *
 * ```
 * position      0        1     2             3         4
 * fed           start    <de>  <transcribe>  <|0.00|>   Guten
 * most likely   <de>           <|0.00|>       Guten     ...
 * ```
 *
 * The embedding of position p is far from zero in dimension p alone, as is, in that dimension, the
 * embedding of the token that is to follow.
 */

import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type WhisperSizes, writeWeights } from '../../bench/whisper-weights.ts';
import { readSafetensorsHeader } from '../../packages/pipeline/src/model/safetensors.ts';
import { SHARED } from './paths.ts';
import { MULTILINGUAL, openPublishedTokenizer } from './tokenizers.ts';

const HEADS = 2;
const SIZES: WhisperSizes = {
  nMels: 80,
  dModel: 64,
  nAudioPositions: 1500,
  nTextPositions: 448,
  vocabSize: 51_865,
  encoderLayers: 1,
  encoderFfnSize: 64,
  decoderLayers: 2,
  decoderFfnSize: 64,
};
const HALF_BYTES = 2;
/** float16 of 1, 8 and 100. */
const ONE = 0x3c00;
const EIGHT = 0x4800;
const HUNDRED = 0x5640;
/** Start, language, task. */
const PROMPT_LENGTH = 3;

export interface Script {
  /** The language that is heard. */
  readonly language: string;
  /** Of each window, from its begin to `endSeconds`. */
  readonly text: string;
  readonly endSeconds: number;
  /** As large-v3: 128 mel bins, and Cantonese among the languages. */
  readonly isLarge?: boolean;
}

/** @param folder is made. */
export async function writeScriptedWhisper(folder: string, script: Script): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const { isLarge = false } = script;
  const sizes = isLarge ? { ...SIZES, nMels: 128, vocabSize: 51_866 } : SIZES;
  const tokenizer = readFileSync(join(SHARED, MULTILINGUAL, 'tokenizer.json'), 'utf8');
  writeFileSync(join(folder, 'tokenizer.json'), isLarge ? withCantonese(tokenizer) : tokenizer);
  writeJson(join(folder, 'config.json'), configOf(sizes));
  // What a folder must name to be known as multilingual, and nothing else.
  writeJson(join(folder, 'generation_config.json'), { is_multilingual: true });
  const path = join(folder, 'model.safetensors');
  await writeWeights(path, sizes);
  await writeScript(path, sizes, await tokensOf(script));
}

/** By the position after which each comes. */
async function tokensOf({ language, text, endSeconds, isLarge }: Script) {
  const vocabulary = await openPublishedTokenizer(MULTILINGUAL);
  const shift = isLarge === true ? 1 : 0;
  const timestamp = (seconds: number): number =>
    vocabulary.firstTimestamp + shift + Math.round(seconds * 50);
  const said = [timestamp(0), ...vocabulary.encode(text), timestamp(endSeconds)];
  const tokens = new Map<number, number>();
  tokens.set(0, vocabulary.languageTokens.get(language) ?? -1);
  for (const [index, token] of [...said, vocabulary.endOfText].entries()) {
    tokens.set(PROMPT_LENGTH - 1 + index, token);
  }
  return tokens;
}

async function writeScript(
  path: string,
  { dModel }: WhisperSizes,
  script: ReadonlyMap<number, number>,
): Promise<void> {
  const header = await readSafetensorsHeader(path);
  const fd = openSync(path, 'r+');
  const write = (name: string, index: number, halves: Uint16Array): void => {
    const tensor = header.get(name);
    if (tensor === undefined) throw new Error(`there is no tensor ${name}`);
    writeSync(fd, halves, 0, halves.byteLength, tensor.offset + index * HALF_BYTES);
  };
  for (const name of header.keys()) {
    if (/layer_norm\.weight$/.test(name)) write(name, 0, new Uint16Array(dModel).fill(ONE));
    // Attention that is not the same everywhere, of values that are zero.
    const isScore = /encoder_attn\.[qk]_proj\.weight$|encoder\.embed_positions/.test(name);
    if (isScore) write(name, 0, varied((header.get(name)?.length ?? 0) / HALF_BYTES));
  }
  for (let position = 0; position < dModel; position++) {
    const at = position * dModel + position;
    write('model.decoder.embed_positions.weight', at, Uint16Array.of(HUNDRED));
  }
  for (const [position, token] of script) {
    const at = token * dModel + position;
    write('model.decoder.embed_tokens.weight', at, Uint16Array.of(EIGHT));
  }
  closeSync(fd);
}

/** float16 from 1/8 to 1/4, of either sign. */
function varied(length: number): Uint16Array {
  let seed = 1;
  return new Uint16Array(length).map(() => {
    // The minimal standard generator (Park and Miller, 1988).
    seed = (seed * 48_271) % 2_147_483_647;
    return 0x3000 + (seed % 0x400) + (seed & (1 << 20) ? 0x8000 : 0);
  });
}

function configOf(sizes: WhisperSizes): object {
  return {
    model_type: 'whisper',
    num_mel_bins: sizes.nMels,
    d_model: sizes.dModel,
    vocab_size: sizes.vocabSize,
    max_source_positions: sizes.nAudioPositions,
    max_target_positions: sizes.nTextPositions,
    encoder_layers: sizes.encoderLayers,
    encoder_attention_heads: HEADS,
    encoder_ffn_dim: sizes.encoderFfnSize,
    decoder_layers: sizes.decoderLayers,
    decoder_attention_heads: HEADS,
    decoder_ffn_dim: sizes.decoderFfnSize,
  };
}

interface AddedToken {
  readonly id: number;
  readonly content: string;
}

/** As large-v3 has it: one language more, before the tasks, and all that follows one further. */
function withCantonese(tokenizer: string): string {
  const definition: { added_tokens: AddedToken[] } = JSON.parse(tokenizer);
  const task = definition.added_tokens.find(({ content }) => content === '<|translate|>');
  if (task === undefined) throw new Error('the vocabulary has no tasks');
  const isAfter = ({ id }: AddedToken): boolean => id >= task.id;
  definition.added_tokens = [
    ...definition.added_tokens.filter((token) => !isAfter(token)),
    { ...task, content: '<|yue|>' },
    ...definition.added_tokens.filter(isAfter).map((token) => ({ ...token, id: token.id + 1 })),
  ];
  return JSON.stringify(definition);
}

function writeJson(path: string, value: object): void {
  writeFileSync(path, JSON.stringify(value));
}
