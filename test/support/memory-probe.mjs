/**
 * Runs a long recording in a process of its own, as a device worker does, and tells how much memory
 * it takes on the way: `node memory-probe.mjs STAGES RECORDING` prints one JSON object, whose
 * `samples` are taken after each window. STAGES is `spectrograms` (decode and log-mel) or
 * `transcript` (all of them, with the demonstration model).
 */

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  createWindowPools,
  loadVoiceActivity,
  loadWhisper,
  openInferenceEngine,
  transcribe,
} from '@amanuensis/pipeline';
import { BufferPool, Slab, slabBytesFor } from '@amanuensis/pool';

const KIB = 1024;
const WINDOW_FRAMES = 3000;
const FRAMES_PER_SECOND = 100;
const HEARTBEAT_WINDOWS = 60;
const DIST = new URL('../../packages/pipeline/dist/', import.meta.url);
const [stages, path] = process.argv.slice(2);
const options = { signal: new AbortController().signal, maxDurationSeconds: 4 * 3600 };

const samples = [];
const startedAt = performance.now();
const sample = (seconds) => {
  samples.push({ seconds, bytes: process.memoryUsage.rss(), childBytes: bytesOfChildren() });
  if (samples.length % HEARTBEAT_WINDOWS === 0) process.stderr.write(`${Math.round(seconds)} s\n`);
};

const found = stages === 'transcript' ? await transcript() : await spectrograms();
const wallSeconds = (performance.now() - startedAt) / 1000;
process.stdout.write(JSON.stringify({ ...found, wallSeconds, samples }));
process.exit(0);

async function spectrograms() {
  const { audioToPcm } = await import(new URL('audio-to-pcm.js', DIST).href);
  const { PcmWindow } = await import(new URL('audio/pcm-window.js', DIST).href);
  const { pcmToMel } = await import(new URL('pcm-to-mel.js', DIST).href);
  const { LogMelKernel } = await import(new URL('kernels/log-mel-kernel.js', DIST).href);
  const spec = (name, shape) => ({ name, elementType: 'float32', shape, initial: 1, max: 1 });
  const specs = [spec('audio', [480_000]), spec('mel', [80, WINDOW_FRAMES])];
  const slab = Slab.allocate(LogMelKernel.memoryBytes(80) + slabBytesFor(specs));
  const kernel = await LogMelKernel.create(slab, 80);
  const [pcm, mel] = specs.map(
    (each) => BufferPool.create({ ...each, slab }).acquire('probe').view,
  );
  const source = await audioToPcm(path, options);
  const window = new PcmWindow(source, pcm);
  let nWindows = 0;
  while ((await window.fill(options.signal)) > 0) {
    await pcmToMel(pcm, mel, kernel, options.signal);
    // Windows overlap, as they do where the last segment of a window is not closed.
    const isOdd = nWindows++ % 2 === 1;
    await window.seekTo(window.startFrame + (isOdd ? WINDOW_FRAMES : 2500), options.signal);
    sample(window.startFrame / FRAMES_PER_SECOND);
  }
  await source[Symbol.asyncDispose]();
  return { audioSeconds: source.durationSeconds, warnings: source.warnings };
}

async function transcript() {
  const engine = await openInferenceEngine();
  const model = await loadWhisper(folderOf('demo'), engine, { name: 'demo', intraOpThreads: 2 });
  const one = { initial: 1, max: 1 };
  const limits = { audio: one, mel: one, encoder_output: one, kv_cache: one };
  const pools = await createWindowPools(model, limits, { lanesPerJob: 1 });
  const voiceActivity = await loadVoiceActivity(folderOf('vad'), engine);
  const device = { model, pools, voiceActivity };
  const { duration, segments, warnings } = await transcribe({ path, owner: 'probe' }, device, {
    ...options,
    onPart: ({ processedSeconds }) => sample(processedSeconds),
  });
  return { audioSeconds: duration, warnings, nSegments: segments.length };
}

function folderOf(name) {
  return fileURLToPath(new URL(`../../models/${name}`, import.meta.url));
}

/** What the decoder takes. */
function bytesOfChildren() {
  let bytes = 0;
  for (const task of readdirSync('/proc/self/task')) {
    const children = readFileSync(`/proc/self/task/${task}/children`, 'utf8');
    for (const pid of children.split(' ').filter(Boolean)) bytes += residentBytesOf(pid);
  }
  return bytes;
}

function residentBytesOf(pid) {
  try {
    const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kib ?? 0) * KIB;
  } catch {
    return 0; // it has ended meanwhile
  }
}
