/** Loads the voice activity model of a folder: Silero where there is one, else the energy detector. */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../inference/inference-errors.ts';
import type { InferenceEngine, InferenceSession } from '../inference/inference-port.ts';
import { verifyChecksums } from '../model/checksums.ts';
import { ModelError } from '../model/model-error.ts';
import { EnergyDetector } from './energy-detector.ts';
import { SileroSequenceDetector } from './silero-sequence-detector.ts';
import { SileroStepwiseDetector } from './silero-stepwise-detector.ts';
import type { VoiceActivityDetector, VoiceActivityModel } from './voice-activity-detector.ts';

/** One run is so small that a second thread costs more than it saves. */
const INTRA_OP_THREADS = 1;

const DETECTORS_BY_INPUTS: Readonly<
  Record<string, new (session: InferenceSession) => VoiceActivityDetector>
> = {
  'c,h,input': SileroSequenceDetector,
  'input,sr,state': SileroStepwiseDetector,
};

/**
 * @param folder with one `.onnx` file and its `SHA256SUMS`; one that does not exist, or has no such
 *   file, gives the energy detector, which the model's name tells.
 * @throws ModelError `checksum_mismatch`; `invalid_file` when ONNX Runtime cannot load it;
 *   `unsupported_model` when it is another model, or there are several.
 */
export async function loadVoiceActivity(
  folder: string,
  engine: InferenceEngine,
): Promise<VoiceActivityModel> {
  const [file, ...others] = await onnxFilesOf(folder);
  if (file === undefined) return new EnergyModel();
  if (others.length > 0) {
    throw new ModelError('unsupported_model', `${folder} has more than one .onnx file`);
  }
  await verifyChecksums(folder);
  const path = join(folder, file);
  const session = await createSession(path, folder, engine);
  const inputs = session.inputs.map(({ name }) => name).toSorted();
  const Detector = DETECTORS_BY_INPUTS[inputs.join()];
  if (Detector === undefined) {
    await session.release();
    const message = `${path} is not a Silero VAD of version 5 or 6; its inputs are ${inputs.join(', ')}`;
    throw new ModelError('unsupported_model', message);
  }
  return new SileroModel(session, Detector);
}

class SileroModel implements VoiceActivityModel {
  readonly name = 'silero';
  readonly #session: InferenceSession;
  readonly #Detector: new (
    session: InferenceSession,
  ) => VoiceActivityDetector;

  constructor(
    session: InferenceSession,
    Detector: new (session: InferenceSession) => VoiceActivityDetector,
  ) {
    this.#session = session;
    this.#Detector = Detector;
  }

  createDetector(): VoiceActivityDetector {
    return new this.#Detector(this.#session);
  }

  release(): Promise<void> {
    return this.#session.release();
  }
}

class EnergyModel implements VoiceActivityModel {
  readonly name = 'energy';

  createDetector(): VoiceActivityDetector {
    return new EnergyDetector();
  }

  async release(): Promise<void> {}
}

async function onnxFilesOf(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => name.endsWith('.onnx'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new ModelError('invalid_file', `${folder} cannot be read`, { cause: error });
  }
}

async function createSession(
  path: string,
  weightsFolder: string,
  engine: InferenceEngine,
): Promise<InferenceSession> {
  try {
    const bytes = await readFile(path);
    return await engine.createSession(
      { bytes, weightsFolder },
      { intraOpThreads: INTRA_OP_THREADS },
    );
  } catch (cause) {
    throw new ModelError('invalid_file', `${path} cannot be loaded: ${messageOf(cause)}`, {
      cause,
    });
  }
}
