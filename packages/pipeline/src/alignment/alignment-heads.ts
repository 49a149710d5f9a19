/** Which heads of the decoder's cross-attention follow the audio in time. */

import type { AlignmentHead } from '../model/decoder-graph.ts';
import type { WhisperDimensions } from '../model/whisper-config.ts';

/**
 * The heads that the model's files name; all heads of the upper half of the layers where they name
 * none (the default of openai/whisper), or heads that it does not have, as distilled models do that
 * kept the list of their teacher.
 *
 * @param named `alignment_heads` of `generation_config.json`.
 */
export function alignmentHeads(
  named: readonly AlignmentHead[] | null,
  { decoderLayers, decoderHeads }: Pick<WhisperDimensions, 'decoderLayers' | 'decoderHeads'>,
): readonly AlignmentHead[] {
  const areOwn = named?.every(([layer, head]) => layer < decoderLayers && head < decoderHeads);
  if (named !== null && named.length > 0 && areOwn) return named;
  const firstLayer = Math.floor(decoderLayers / 2);
  const nHeads = (decoderLayers - firstLayer) * decoderHeads;
  return Array.from({ length: nHeads }, (_, index): AlignmentHead => {
    return [firstLayer + Math.floor(index / decoderHeads), index % decoderHeads];
  });
}
