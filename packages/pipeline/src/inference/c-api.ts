/** The inference port over ONNX Runtime's C API: asynchronous, in place, terminable. */

import { CApiSession } from './c-api-session.ts';
import { CApiSharedWeights } from './c-api-shared-weights.ts';
import {
  appendExecutionProvider,
  availableProviders,
  providerName,
} from './execution-providers.ts';
import { messageOf } from './inference-errors.ts';
import {
  type InferenceEngine,
  InferenceError,
  type ModelFile,
  type ModelGraph,
  type SessionOptions,
  type SharedWeights,
} from './inference-port.ts';
import { type Address, addressOf, mapFile, OutPointer } from './native-memory.ts';
import { type OrtEnvironment, ortEnvironment } from './ort-environment.ts';
import type { OrtLibrary } from './ort-library.ts';
import { packagedLibraryPath } from './packaged-library.ts';

/**
 * Loads ONNX Runtime, once per process.
 *
 * @throws InferenceError `unavailable` when the library cannot be loaded, or when this process
 *   already uses another one.
 */
export function openCApi(libraryPath = packagedLibraryPath()): InferenceEngine {
  return new CApiEngine(ortEnvironment(libraryPath));
}

class CApiEngine implements InferenceEngine {
  readonly name = 'c-api';
  readonly version: string;
  readonly capabilities = {
    asynchronous: true,
    zeroCopy: true,
    terminable: true,
    sharesWeights: mapFile !== undefined,
  };
  readonly providers: readonly string[];
  readonly #environment: OrtEnvironment;

  constructor(ort: OrtEnvironment) {
    this.#environment = ort;
    this.version = ort.library.version;
    this.providers = availableProviders(ort.library);
  }

  async createSession(
    model: ModelGraph | ModelFile,
    options: SessionOptions,
  ): Promise<CApiSession> {
    const { library } = this.#environment;
    let session: Address | undefined;
    try {
      const sessionOptions = createSessionOptions(library, model, options);
      try {
        session = await this.#load(model, sessionOptions, options.sharedWeights);
      } finally {
        library.release('ReleaseSessionOptions', sessionOptions);
      }
      return new CApiSession(this.#environment, session, providerName(options.executionProvider));
    } catch (cause) {
      if (session !== undefined) library.release('ReleaseSession', session);
      if (cause instanceof InferenceError) throw cause;
      throw new InferenceError('invalid_model', messageOf(cause), { cause });
    }
  }

  shareWeights(): CApiSharedWeights | undefined {
    return mapFile && new CApiSharedWeights(this.#environment, mapFile);
  }

  async #load(
    model: ModelGraph | ModelFile,
    sessionOptions: Address,
    sharedWeights: SharedWeights | undefined,
  ): Promise<Address> {
    const { library, env } = this.#environment;
    const out = new OutPointer();
    if ('file' in model) {
      const { file } = model;
      const args = [env, file, sessionOptions, out.address] as const;
      await library.callAsync('CreateSession', [...args], { out });
      return out.value;
    }
    const { bytes } = model;
    const memory = { bytes, out };
    const graph = [env, addressOf(bytes), bytes.byteLength, sessionOptions] as const;
    if (sharedWeights instanceof CApiSharedWeights) {
      for (const [name, value] of sharedWeights.tensorsOf(model)) {
        library.call('AddInitializer', sessionOptions, name, value);
      }
      const args = [...graph, sharedWeights.packed, out.address] as const;
      const isLoaded = await library
        .callAsync('CreateSessionFromArrayWithPrepackedWeightsContainer', [...args], memory)
        .then(() => true)
        // Up to ONNX Runtime 1.23 not every kernel can share what it packs: MatMulNBits cannot.
        .catch(() => false);
      if (isLoaded) return out.value;
    }
    await library.callAsync('CreateSessionFromArray', [...graph, out.address], memory);
    return out.value;
  }
}

function createSessionOptions(
  library: OrtLibrary,
  model: ModelGraph | ModelFile,
  { intraOpThreads, executionProvider, configEntries }: SessionOptions,
): Address {
  const options = library.create('CreateSessionOptions');
  try {
    library.call('SetIntraOpNumThreads', options, intraOpThreads);
    library.call('SetInterOpNumThreads', options, 1);
    // Planning all activations as one block costs 40 MB more and is no faster (whisper-base's
    // encoder 290 ms both ways, 281 against 321 MB). Without the arena it takes 500 ms, so that stays.
    library.call('DisableMemPattern', options);
    const entries = {
      ...('weightsFolder' in model && {
        'session.model_external_initializers_file_folder_path': model.weightsFolder,
      }),
      // Threads that spin between runs take the cores that decoding audio needs.
      'session.intra_op.allow_spinning': '0',
      ...configEntries,
    };
    for (const [key, value] of Object.entries(entries)) {
      library.call('AddSessionConfigEntry', options, key, value);
    }
    if (executionProvider) appendExecutionProvider(library, options, executionProvider);
    return options;
  } catch (error) {
    library.release('ReleaseSessionOptions', options);
    throw error;
  }
}
