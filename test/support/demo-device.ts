/** A device with the demonstration model, whose decoder's runs can be watched. */

import {
  createWindowPools,
  type Device,
  loadVoiceActivity,
  loadWhisper,
  openInferenceEngine,
} from '@amanuensis/pipeline';
import type { InferenceSession } from '../../packages/pipeline/src/inference/inference-port.ts';
import { DEMO_MODEL, VAD_MODEL } from './paths.ts';

export type DecoderRun = 'sequence' | 'rows';

export interface DemoDevice extends Device, AsyncDisposable {
  /** Is told of each run of the decoder, as soon as it is under way. */
  onRun: (kind: DecoderRun) => void;
}

/** @param nJobs that may run at once, with 5 lanes each. */
export async function openDemoDevice(nJobs: number): Promise<DemoDevice> {
  const engine = await openInferenceEngine();
  const loaded = await loadWhisper(DEMO_MODEL, engine, { name: 'demo', intraOpThreads: 2 });
  const { sequence, rows } = loaded.sessions;
  const sessions = {
    ...loaded.sessions,
    sequence: watched(sequence, () => device.onRun('sequence')),
    rows: watched(rows, () => device.onRun('rows')),
  };
  const model = { ...loaded, sessions };
  const limit = { initial: 1, max: 5 * nJobs };
  const limits = { audio: limit, mel: limit, encoder_output: limit, kv_cache: limit };
  const pools = await createWindowPools(model, limits);
  const voiceActivity = await loadVoiceActivity(VAD_MODEL, engine);
  const device: DemoDevice = {
    model,
    pools,
    voiceActivity,
    onRun: () => {},
    async [Symbol.asyncDispose]() {
      pools[Symbol.dispose]();
      await loaded.release();
      await voiceActivity.release();
    },
  };
  return device;
}

function watched(session: InferenceSession, onRun: () => void): InferenceSession {
  const { inputs, outputs, executionProvider } = session;
  return {
    inputs,
    outputs,
    executionProvider,
    bind: (feeds, fetches) => {
      const binding = session.bind(feeds, fetches);
      return {
        run: (options) => {
          const running = binding.run(options);
          onRun();
          return running;
        },
        [Symbol.dispose]: () => binding[Symbol.dispose](),
      };
    },
    release: () => session.release(),
  };
}
