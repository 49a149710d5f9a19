/**
 * Leaves slots idle in a process of its own: `node idle-slots-probe.mjs
 * [--without-foreign-functions]` prints the bytes that its pools had committed before and after, as
 * one JSON object. The clock that looks for idle slots is moved by hand.
 */

import { register } from 'node:module';
import { mock } from 'node:test';
import { fileURLToPath } from 'node:url';

const WATCHED_MS = 5_000;
const refuseKoffi = `export async function resolve(name, context, next) {
  if (name === 'koffi') throw new Error('no build for this platform');
  return next(name, context);
}`;

const isWithout = process.argv.includes('--without-foreign-functions');
if (isWithout) register(`data:text/javascript,${encodeURIComponent(refuseKoffi)}`);
const { createWindowPools, loadWhisper, openInferenceEngine } = await import(
  '@amanuensis/pipeline'
);

const engine = await openInferenceEngine();
if ((engine.name === 'c-api') === isWithout) throw new Error(`the engine is ${engine.name}`);
const folder = fileURLToPath(new URL('../../models/demo', import.meta.url));
const model = await loadWhisper(folder, engine, { name: 'demo', intraOpThreads: 1 });
mock.timers.enable({ apis: ['setInterval'] });
const limit = { initial: 0, max: 1 };
const limits = { audio: limit, mel: limit, encoder_output: limit, kv_cache: limit };
const pools = await createWindowPools(model, limits, { idleMs: 1 });
const bytesCommitted = () => pools.all.reduce((sum, pool) => sum + pool.stats().bytesCommitted, 0);

pools.acquire('job')[Symbol.dispose]();
const atPeak = bytesCommitted();
// The pools' clock, which the timer moves, counts what really passed.
const releasedAt = performance.now();
while (performance.now() - releasedAt < 5);
mock.timers.tick(WATCHED_MS);
process.stdout.write(JSON.stringify({ atPeak, afterIdling: bytesCommitted() }));
process.exit(0);
