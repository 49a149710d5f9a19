/** One recording through the pipeline, on each inference engine: speed, and the event loop's gaps. */

import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import {
  createWindowPools,
  loadVoiceActivity,
  loadWhisper,
  openInferenceEngine,
  transcribe,
} from '@amanuensis/pipeline';

const ROOT = join(import.meta.dirname, '../..');
const RECORDING = join(ROOT, 'samples/call.wav');
const RUNS = 5;
const ONE_SLOT = { initial: 1, max: 1 };
const NS_PER_MS = 1e6;

export async function run(): Promise<void> {
  for (const prefer of ['c-api', 'node-binding'] as const) {
    const engine = await openInferenceEngine({ prefer });
    const voiceActivity = await loadVoiceActivity(join(ROOT, 'models/vad'), engine);
    const model = await loadWhisper(join(ROOT, 'models/demo'), engine, {
      name: 'demo',
      intraOpThreads: 2,
    });
    const pools = await createWindowPools(
      model,
      {
        audio: ONE_SLOT,
        mel: ONE_SLOT,
        encoder_output: ONE_SLOT,
        kv_cache: ONE_SLOT,
      },
      { lanesPerJob: 1 },
    );
    const transcribeOnce = () =>
      transcribe(
        { path: RECORDING, owner: 'bench' },
        { model, pools, voiceActivity },
        { signal: AbortSignal.timeout(60_000), maxDurationSeconds: 600 },
      );
    const { duration } = await transcribeOnce();
    const gaps = monitorEventLoopDelay({ resolution: 1 });
    gaps.enable();
    const secondsOfRuns: number[] = [];
    for (let i = 0; i < RUNS; i++) {
      const startMs = performance.now();
      await transcribeOnce();
      secondsOfRuns.push((performance.now() - startMs) / 1000);
    }
    gaps.disable();
    const median = secondsOfRuns.toSorted((a, b) => a - b)[RUNS >> 1] ?? Number.NaN;
    console.log(
      [
        prefer.padEnd(12),
        `${duration.toFixed(1)} s of audio in ${median.toFixed(2)} s`,
        `RTFx ${(duration / median).toFixed(0)}`,
        `greatest gap of the event loop ${(gaps.max / NS_PER_MS).toFixed(1)} ms`,
      ].join(' | '),
    );
    pools[Symbol.dispose]();
    await model.release();
    await voiceActivity.release();
  }
}
