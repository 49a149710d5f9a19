/** How a `kv_cache` slot is divided among the tensors of one decoder lane. */

import type { WhisperDimensions } from './whisper-config.ts';

/** A cache line in float32 elements: each tensor of a slot begins on one. */
const ALIGNMENT_ELEMENTS = 16;

interface Region {
  readonly offset: number;
  readonly size: number;
  readonly shape: readonly number[];
}

/**
 * How a `kv_cache` slot is divided, in float32 elements. The int32 inputs `token` and `position`
 * take an element each.
 *
 * ```
 * ┌ token ┬ position ┬ logits ┬ layer 0: self K │ self V │ cross K │ cross V ┬ layer 1: ...
 * ```
 */
export class LaneLayout {
  readonly regions: ReadonlyMap<string, Region>;
  readonly elements: number;

  constructor({ decoderLayers, decoderHeads: heads, dModel, ...sizes }: WhisperDimensions) {
    const headSize = dModel / heads;
    const regions = new Map<string, Region>();
    let offset = 0;
    const add = (name: string, ...shape: number[]): void => {
      const size = shape.reduce((product, length) => product * length, 1);
      regions.set(name, { offset, size, shape });
      offset += Math.ceil(size / ALIGNMENT_ELEMENTS) * ALIGNMENT_ELEMENTS;
    };
    add('token', 1);
    add('position', 1);
    add('logits', 1, sizes.vocabSize);
    for (let layer = 0; layer < decoderLayers; layer++) {
      add(`self_key.${layer}`, 1, heads, sizes.nTextPositions, headSize);
      add(`self_value.${layer}`, 1, heads, sizes.nTextPositions, headSize);
      add(`cross_key.${layer}`, heads, headSize, sizes.nAudioPositions);
      add(`cross_value.${layer}`, heads, sizes.nAudioPositions, headSize);
    }
    this.regions = regions;
    this.elements = offset;
  }
}
