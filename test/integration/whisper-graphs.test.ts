import { join } from 'node:path';
import { createWindowPools, loadWhisper, openInferenceEngine } from '@amanuensis/pipeline';
import { expect, test } from 'vitest';
import { audioToPcm } from '../../packages/pipeline/src/audio-to-pcm.ts';
import type {
  InferenceEngine,
  Tensor,
} from '../../packages/pipeline/src/inference/inference-port.ts';
import { melToHiddenStates } from '../../packages/pipeline/src/mel-to-hidden-states.ts';
import { encoderGraph } from '../../packages/pipeline/src/model/encoder-graph.ts';
import { Weights } from '../../packages/pipeline/src/model/weights.ts';
import { readDimensions } from '../../packages/pipeline/src/model/whisper-config.ts';
import { pcmToMel } from '../../packages/pipeline/src/pcm-to-mel.ts';
import { difference, readFloat32, readNpy } from '../support/arrays.ts';
import { DEMO_MODEL, FIXTURES, hasShared, SAMPLES, SHARED } from '../support/paths.ts';

/** The real encoder of openai/whisper-base and what PyTorch makes of two recordings with it. */
const BASE = 'whisper-base-encoder';
const SIGNAL = new AbortController().signal;

async function encode(engine: InferenceEngine, folder: string, mel: Float32Array) {
  const dimensions = await readDimensions(folder);
  const weights = await Weights.open(folder);
  const session = await engine.createSession(
    { bytes: encoderGraph(weights, dimensions), weightsFolder: folder },
    { intraOpThreads: 2 },
  );
  const { nMels, nAudioPositions, dModel } = dimensions;
  const hidden = new Float32Array(nAudioPositions * dModel);
  const out: Tensor = { data: hidden, shape: [nAudioPositions, dModel] };
  const feeds = { mel: { data: mel, shape: [1, nMels, 3000] } };
  using binding = session.bind(feeds, { hidden_states: out });
  await binding.run();
  await session.release();
  return hidden;
}

test.skipIf(!hasShared(BASE)).each(['jfk', 'libri'])(
  'the encoder of whisper-base gives its golden output for %s (skipped without its weights)',
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

test('hidden states and first logits of the demonstration model are those of the reference', async () => {
  const engine = await openInferenceEngine();
  const model = await loadWhisper(DEMO_MODEL, engine, { name: 'demo', intraOpThreads: 2 });
  const one = { initial: 1, max: 1 };
  using pools = await createWindowPools(
    model,
    {
      audio: one,
      mel: one,
      encoder_output: one,
      kv_cache: one,
    },
    { lanesPerJob: 1 },
  );
  for (const file of ['standup.wav', 'voicemail.wav', 'dictation.mp3', 'call.wav']) {
    using slots = pools.acquire(file);
    await using pcm = await audioToPcm(join(SAMPLES, file), {
      maxDurationSeconds: 600,
      signal: SIGNAL,
    });
    const { pcm: samples, mel, hiddenStates } = slots.window(0);
    const lane = slots.lane(0);
    samples.fill(0, await pcm.read(samples, SIGNAL));
    await pcmToMel(samples, mel.data, pools.logMelKernel, SIGNAL);
    await melToHiddenStates(pools.encoder, mel, hiddenStates, SIGNAL);
    await lane.fill(hiddenStates, SIGNAL);
    await lane.prefill([model.tokenizer.startOfTranscript], 0, SIGNAL);

    const reference = join(FIXTURES, 'reference', file.replace(/\.\w+$/, ''));
    const hidden = hiddenStates.data as Float32Array;
    // The file holds float16, whose steps are 4e-3 at the largest of these values.
    expect(difference(hidden, readNpy(`${reference}-encoder.npy`)).greatest, file).toBeLessThan(
      5e-3,
    );
    const logits = difference(lane.logits, readNpy(`${reference}-logits.npy`));
    expect(logits.greatest, file).toBeLessThan(1e-3);
  }
});
