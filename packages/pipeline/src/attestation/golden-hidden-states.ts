/** What an encoder should answer to the golden window: the model's own float32 run on the CPU. */

import { WINDOW_FRAMES } from '../hyperparameters.ts';
import type { InferenceEngine } from '../inference/inference-port.ts';
import { encoderGraph } from '../model/encoder-graph.ts';
import { Weights } from '../model/weights.ts';
import { readDimensions } from '../model/whisper-config.ts';
import { goldenMel } from './golden-mel.ts';

/**
 * Loads the encoder alone, runs it once and frees it.
 *
 * @param folder a Whisper as Hugging Face publishes it, whose checksums have been verified.
 * @returns [1500, dModel] row-major f32.
 * @throws ModelError, InferenceError.
 */
export async function goldenHiddenStates(
  folder: string,
  engine: InferenceEngine,
  intraOpThreads: number,
): Promise<Float32Array> {
  const dimensions = await readDimensions(folder);
  const bytes = encoderGraph(await Weights.open(folder), dimensions);
  const session = await engine.createSession({ bytes, weightsFolder: folder }, { intraOpThreads });
  try {
    const { nMels, nAudioPositions, dModel } = dimensions;
    const mel = { data: goldenMel(nMels), shape: [1, nMels, WINDOW_FRAMES] };
    const out = new Float32Array(nAudioPositions * dModel);
    const fetches = { hidden_states: { data: out, shape: [nAudioPositions, dModel] } };
    using binding = session.bind({ mel }, fetches);
    await binding.run();
    return out;
  } finally {
    await session.release();
  }
}
