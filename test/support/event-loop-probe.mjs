/**
 * Runs a job in a process of its own, as a device worker does, and tells for how long its event
 * loop was not free: `node event-loop-probe.mjs ENGINE RECORDING` prints one JSON object.
 *
 * Plain JavaScript over the built packages: what is measured is what runs in production, without a
 * test runner's work on the same loop.
 */

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import {
  createWindowPools,
  loadVoiceActivity,
  loadWhisper,
  openInferenceEngine,
  transcribe,
} from '@amanuensis/pipeline';

const RESOLUTION_MS = 1;
const [engineName, path] = process.argv.slice(2);

const engine = await openInferenceEngine({ prefer: engineName });
const folder = fileURLToPath(new URL('../../models/demo', import.meta.url));
const model = await loadWhisper(folder, engine, { name: 'demo', intraOpThreads: 1 });
const one = { initial: 1, max: 1 };
const limits = { audio: one, mel: one, encoder_output: one, kv_cache: one };
const pools = await createWindowPools(model, limits, { lanesPerJob: 1 });
const vad = fileURLToPath(new URL('../../models/vad', import.meta.url));
const voiceActivity = await loadVoiceActivity(vad, engine);

const device = { model, pools, voiceActivity };
const options = { signal: new AbortController().signal, maxDurationSeconds: 3600 };
const job = () => transcribe({ path, owner: 'probe' }, device, options);

// A device worker lives long: its first job, which compiles the code, is not what is asked about.
await job();
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delay.enable();
const startedAt = performance.now();
const { text } = await job();
const jobMs = performance.now() - startedAt;
delay.disable();

const maxMs = delay.max / 1e6;
const p99Ms = delay.percentile(99) / 1e6;
process.stdout.write(JSON.stringify({ engine: engine.name, jobMs, maxMs, p99Ms, text }));
process.exit(0);
