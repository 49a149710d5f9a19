import { join } from 'node:path';
import { openInferenceEngine } from '../../packages/pipeline/src/inference/open-engine.ts';
import { expect, test } from 'vitest';
import type { InferenceEngine, Tensor } from '../../packages/pipeline/src/inference/inference-port.ts';
import { encoderGraph } from '../../packages/pipeline/src/model/encoder-graph.ts';
import { Weights } from '../../packages/pipeline/src/model/weights.ts';
import { readDimensions } from '../../packages/pipeline/src/model/whisper-config.ts';
import { difference, readFloat32 } from '../support/arrays.ts';
import { hasShared, SHARED } from '../support/paths.ts';

/** The real encoder of openai/whisper-base and what PyTorch makes of two recordings with it. */
const BASE = 'whisper-base-encoder';

async function encode(engine: InferenceEngine, folder: string, mel: Float32Array) {
  const dimensions = await readDimensions(folder);
  const weights = await Weights.open(join(folder, 'model.safetensors'));
  const session = await engine.createSession(
    { bytes: encoderGraph(weights, dimensions), weightsFolder: folder },
    { intraOpThreads: 2 },
  );
  const { nMels, nAudioPositions, dModel } = dimensions;
  const hidden: Tensor = {
    data: new Float32Array(nAudioPositions * dModel),
    shape: [nAudioPositions, dModel],
  };
  using binding = session.bind(
    { mel: { data: mel, shape: [1, nMels, 3000] } },
    { hidden_states: hidden },
  );
  await binding.run();
  await session.release();
  return hidden.data as Float32Array;
}

test.runIf(hasShared(BASE)).each(['jfk', 'libri'])(
  'the encoder of whisper-base gives its golden output for %s',
  async (name) => {
    const engine = await openInferenceEngine();
    const mel = readFloat32(join(SHARED, `goldens/mel-${name}.f32`));
    const hidden = await encode(engine, join(SHARED, BASE), mel);
    const error = difference(hidden, readFloat32(join(SHARED, BASE, `golden-${name}.f32`)));
    console.log(`whisper-base, ${name}: greatest ${error.greatest}, mean ${error.mean}`);
    expect(error.greatest).toBeLessThan(5e-3);
    expect(error.mean).toBeLessThan(1e-4);
  },
);

test.skipIf(hasShared(BASE))('skipped: the encoder of whisper-base is not beside this checkout', () => {});
