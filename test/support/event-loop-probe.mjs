/**
 * Runs one job in a process of its own, as a device worker does, and tells how long its event loop
 * was not free: `node event-loop-probe.mjs ENGINE RECORDING` prints one JSON object.
 *
 * Plain JavaScript over the built packages: what is measured is what runs in production, without a
 * test runner's work on the same loop.
 */

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { createWindowPools, loadWhisper, openInferenceEngine, transcribe } from '@amanuensis/pipeline';

const RESOLUTION_MS = 1;
const [engineName, path] = process.argv.slice(2);

const engine = await openInferenceEngine({ prefer: engineName });
const folder = fileURLToPath(new URL('../../models/demo', import.meta.url));
const model = await loadWhisper(folder, engine, { name: 'demo', intraOpThreads: 1 });
const one = { initial: 1, max: 1 };
const limits = { audio: one, mel: one, encoder_output: one, kv_cache: one };
const pools = await createWindowPools(model, limits);

const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delay.enable();
const startedAt = performance.now();
const { text } = await transcribe(
  { path, owner: 'probe' },
  { model, pools },
  { signal: new AbortController().signal, maxDurationSeconds: 3600 },
);
const jobMs = performance.now() - startedAt;
delay.disable();

const toMs = (ns) => ns / 1e6;
const [max, p99, mean] = [delay.max, delay.percentile(99), delay.mean].map(toMs);
process.stdout.write(JSON.stringify({ engine: engine.name, jobMs, max, p99, mean, text }));
process.exit(0);
