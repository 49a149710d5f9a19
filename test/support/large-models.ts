/** Sizes of the large published models, as their `config.json` say. */

import type { WhisperDimensions } from '../../packages/pipeline/src/model/whisper-config.ts';

const LARGE_V3: WhisperDimensions = {
  nMels: 128,
  dModel: 1280,
  nAudioPositions: 1500,
  nTextPositions: 448,
  vocabSize: 51_866,
  encoderLayers: 32,
  encoderHeads: 20,
  encoderFfnSize: 5120,
  decoderLayers: 32,
  decoderHeads: 20,
  decoderFfnSize: 5120,
};

export const LARGE_MODELS = {
  'large-v3': LARGE_V3,
  'large-v3-turbo': { ...LARGE_V3, decoderLayers: 4 },
  'distil-large-v3': { ...LARGE_V3, decoderLayers: 2 },
} as const;
