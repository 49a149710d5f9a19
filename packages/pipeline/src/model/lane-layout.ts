/** How a `kv_cache` slot is divided among the tensors of one decoder lane. */

import type { WhisperDimensions } from './whisper-config.ts';

/** A cache line in float32 elements: each tensor of a slot begins on one. */
const ALIGNMENT_ELEMENTS = 16;

export interface Region {
  /** In elements of 4 bytes from the start of the slot. */
  readonly offset: number;
  readonly size: number;
  readonly shape: readonly number[];
  readonly elementType: 'float32' | 'int32';
}

/**
 * ```
 * ┌ tokens ┬ positions ┬ logit_rows ┬ logits ┬ layer 0: self K │ self V │ cross K │ cross V ┬ ...
 *   i32                                f32: [of the probed token, of the last token]
 * ```
 * A lane that follows another hypothesis of the same window never writes its cross-attention part,
 * so the pages of that part are never made.
 */
export class LaneLayout {
  readonly regions: ReadonlyMap<string, Region>;
  readonly elements: number;
  /** Self-attention caches, [heads, nTextPositions, headSize] each. */
  readonly selfCaches: readonly Region[];
  readonly heads: number;
  readonly headSize: number;
  readonly nTextPositions: number;

  constructor({ decoderLayers, decoderHeads: heads, dModel, ...sizes }: WhisperDimensions) {
    const headSize = dModel / heads;
    const { nTextPositions, nAudioPositions, vocabSize } = sizes;
    const regions = new Map<string, Region>();
    let offset = 0;
    const add = (
      name: string,
      shape: readonly number[],
      elementType: Region['elementType'] = 'float32',
    ): void => {
      const size = shape.reduce((product, length) => product * length, 1);
      regions.set(name, { offset, size, shape, elementType });
      offset += Math.ceil(size / ALIGNMENT_ELEMENTS) * ALIGNMENT_ELEMENTS;
    };
    add('tokens', [nTextPositions], 'int32');
    add('positions', [nTextPositions], 'int32');
    add('logit_rows', [2], 'int32');
    add('logits', [2, vocabSize]);
    for (let layer = 0; layer < decoderLayers; layer++) {
      add(`self_key.${layer}`, [1, heads, nTextPositions, headSize]);
      add(`self_value.${layer}`, [1, heads, nTextPositions, headSize]);
      add(`cross_key.${layer}`, [heads, headSize, nAudioPositions]);
      add(`cross_value.${layer}`, [heads, nAudioPositions, headSize]);
    }
    this.regions = regions;
    this.elements = offset;
    this.selfCaches = [...regions].filter(([name]) => name.startsWith('self_')).map(([, r]) => r);
    this.heads = heads;
    this.headSize = headSize;
    this.nTextPositions = nTextPositions;
  }
}
