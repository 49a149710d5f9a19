/** Writes the weights of a Whisper of any size: `model.safetensors` of float16. */

import { open } from 'node:fs/promises';

const HALF_BYTES = 2;

/** As `config.json` has them. */
export interface WhisperSizes {
  readonly nMels: number;
  readonly dModel: number;
  readonly nAudioPositions: number;
  readonly nTextPositions: number;
  readonly vocabSize: number;
  readonly encoderLayers: number;
  readonly encoderFfnSize: number;
  readonly decoderLayers: number;
  readonly decoderFfnSize: number;
}

type NamedShape = readonly [name: string, shape: readonly number[]];

/**
 * @param halves answers the bits of as many numbers; zeros that take no room on the disk without it.
 * @returns length of the file in bytes.
 */
export async function writeWeights(
  path: string,
  sizes: WhisperSizes,
  halves?: (n: number) => Uint16Array,
): Promise<number> {
  let end = 0;
  const tensors = [...tensorShapes(sizes)].map(([name, shape]) => {
    const begin = end;
    end += shape.reduce((product, size) => product * size, HALF_BYTES);
    return [name, { dtype: 'F16', shape, data_offsets: [begin, end] }] as const;
  });
  const header = Buffer.from(JSON.stringify(Object.fromEntries(tensors)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const fileBytes = length.length + header.length + end;
  const file = await open(path, 'w');
  try {
    await file.writeFile(Buffer.concat([length, header]));
    if (halves === undefined) await file.truncate(fileBytes);
    else {
      for (const [, { shape }] of tensors) {
        const bits = halves(shape.reduce((product, size) => product * size, 1));
        await file.writeFile(new Uint8Array(bits.buffer, bits.byteOffset, bits.byteLength));
      }
    }
  } finally {
    await file.close();
  }
  return fileBytes;
}

function* tensorShapes(sizes: WhisperSizes): Generator<NamedShape> {
  const { dModel: d } = sizes;
  yield ['model.encoder.conv1.weight', [d, sizes.nMels, 3]];
  yield ['model.encoder.conv1.bias', [d]];
  yield ['model.encoder.conv2.weight', [d, d, 3]];
  yield ['model.encoder.conv2.bias', [d]];
  yield ['model.encoder.embed_positions.weight', [sizes.nAudioPositions, d]];
  yield ['model.decoder.embed_positions.weight', [sizes.nTextPositions, d]];
  for (let layer = 0; layer < sizes.encoderLayers; layer++) {
    const prefix = `model.encoder.layers.${layer}`;
    yield* attentionShapes(`${prefix}.self_attn`, d);
    yield* feedForwardShapes(prefix, d, sizes.encoderFfnSize);
  }
  for (let layer = 0; layer < sizes.decoderLayers; layer++) {
    const prefix = `model.decoder.layers.${layer}`;
    yield* attentionShapes(`${prefix}.self_attn`, d);
    yield* attentionShapes(`${prefix}.encoder_attn`, d);
    yield* feedForwardShapes(prefix, d, sizes.decoderFfnSize);
  }
  yield* layerNormShapes('model.encoder.layer_norm', d);
  yield* layerNormShapes('model.decoder.layer_norm', d);
  yield ['model.decoder.embed_tokens.weight', [sizes.vocabSize, d]];
}

function* attentionShapes(prefix: string, d: number): Generator<NamedShape> {
  for (const name of ['q_proj', 'k_proj', 'v_proj', 'out_proj']) {
    yield [`${prefix}.${name}.weight`, [d, d]];
    if (name !== 'k_proj') yield [`${prefix}.${name}.bias`, [d]];
  }
  yield* layerNormShapes(`${prefix}_layer_norm`, d);
}

function* feedForwardShapes(prefix: string, d: number, ffnSize: number): Generator<NamedShape> {
  yield [`${prefix}.fc1.weight`, [ffnSize, d]];
  yield [`${prefix}.fc1.bias`, [ffnSize]];
  yield [`${prefix}.fc2.weight`, [d, ffnSize]];
  yield [`${prefix}.fc2.bias`, [d]];
  yield* layerNormShapes(`${prefix}.final_layer_norm`, d);
}

function* layerNormShapes(prefix: string, d: number): Generator<NamedShape> {
  yield [`${prefix}.weight`, [d]];
  yield [`${prefix}.bias`, [d]];
}
