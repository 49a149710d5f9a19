/** A model folder of whisper-base's size, with the demonstration model's words and random weights. */

import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type WhisperSizes, writeWeights } from './whisper-weights.ts';

const DEMO_MODEL = join(import.meta.dirname, '../../models/demo');
const HEADS = 8;
const BASE: WhisperSizes = {
  nMels: 80,
  dModel: 512,
  nAudioPositions: 1500,
  nTextPositions: 448,
  vocabSize: 51_865,
  encoderLayers: 6,
  encoderFfnSize: 2048,
  decoderLayers: 6,
  decoderFfnSize: 2048,
};

/** Halves from 2^-7 to 2^-5 of either sign: of the size of trained weights. */
const SMALLEST_HALF = 0x2000;
const N_HALVES = 0x800;
const SIGN = 0x8000;

export async function makeBaseModel(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(DEMO_MODEL)) {
    if (name.endsWith('.json')) await copyFile(join(DEMO_MODEL, name), join(folder, name));
  }
  const config = JSON.parse(await readFile(join(DEMO_MODEL, 'config.json'), 'utf8')) as object;
  const sizes = {
    num_mel_bins: BASE.nMels,
    d_model: BASE.dModel,
    vocab_size: BASE.vocabSize,
    encoder_layers: BASE.encoderLayers,
    encoder_attention_heads: HEADS,
    encoder_ffn_dim: BASE.encoderFfnSize,
    decoder_layers: BASE.decoderLayers,
    decoder_attention_heads: HEADS,
    decoder_ffn_dim: BASE.decoderFfnSize,
  };
  await writeFile(join(folder, 'config.json'), JSON.stringify({ ...config, ...sizes }));
  await writeWeights(join(folder, 'model.safetensors'), BASE, randomHalves);
}

let seed = 1;

function randomHalves(n: number): Uint16Array {
  return new Uint16Array(n).map(() => {
    // The minimal standard generator (Park and Miller, 1988).
    seed = (seed * 48_271) % 2_147_483_647;
    const sign = seed & (1 << 20) ? SIGN : 0;
    return SMALLEST_HALF + (seed % N_HALVES) + sign;
  });
}
