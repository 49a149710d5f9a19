/**
 * What the weights' precision, and sessions that share them, do to memory, speed and words: a model
 * of whisper-base's size with random weights, then the demonstration model on recordings.
 */

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  createWindowPools,
  goldenMel,
  type InferenceEngine,
  type LoadOptions,
  loadWhisper,
  melToHiddenStates,
  openInferenceEngine,
  type WhisperModel,
} from '@amanuensis/pipeline';
import { printRow, printTitle, rounded } from './pool-printing.ts';
import { measure, type Subject } from './pool-sampling.ts';
import { makeBaseModel } from './precision-base-model.ts';
import type { LoadFigures } from './precision-load.ts';
import { printWords } from './precision-words.ts';

const LANES = 5;
const THREADS = 2;
const PROMPT_TOKENS = 230;
/** Rounds of what takes a few milliseconds, and of what takes hundreds. */
const ROUNDS = { step: 60, window: 10 };
const NS_PER_MS = 1e6;
const BYTES_PER_MB = 1e6;
const LOAD_TIMEOUT_MS = 300_000;
const NEVER = new AbortController().signal;

type Way = Pick<LoadOptions, 'precision' | 'cacheFolder'>;
const OWN = 'float32, each session its own';
const FLOAT32 = 'float32, cached and shared';
const INT8 = 'int8, cached and shared';

export async function run(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'amanuensis-precision-'));
  try {
    const engine = await openInferenceEngine();
    await makeBaseModel(join(folder, 'base'));
    await benchBase(engine, join(folder, 'base'), join(folder, 'cache'));
    await printWords(engine, join(folder, 'cache'), { float32: FLOAT32, int8: INT8 });
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function benchBase(engine: InferenceEngine, folder: string, cacheFolder: string) {
  printTitle("whisper-base's size, random float16 weights: four sessions");
  printRow('', ['first, ms', 'load, ms', 'own MB']);
  const ways = new Map<string, Way>([
    [OWN, {}],
    [FLOAT32, { cacheFolder }],
    [INT8, { cacheFolder, precision: 'int8' }],
  ]);
  for (const [name, options] of ways) {
    // The first load fills the cache.
    const first = await loadApart(folder, options);
    const second = await loadApart(folder, options);
    printRow(name, [first.ms, second.ms, second.ownBytes / BYTES_PER_MB].map(rounded));
  }
  const loaded: Loaded[] = [];
  for (const [name, options] of ways) {
    const named = { name: 'base', intraOpThreads: THREADS, ...options };
    loaded.push(await prepare(name, await loadWhisper(folder, engine, named)));
  }
  await compare('encoder', ROUNDS.window, loaded, ({ encode }) => encode());
  await compare('cross-attention', ROUNDS.window, loaded, ({ fill }) => fill());
  const prompt = Array.from({ length: PROMPT_TOKENS }, (_, i) => i * 7);
  await compare(`prompt of ${PROMPT_TOKENS}`, ROUNDS.window, loaded, ({ lanes: [lane] }) =>
    lane?.prefill(prompt, 0, NEVER),
  );
  for (const rows of [1, LANES]) {
    await compare(`step of ${rows}`, ROUNDS.step, loaded, ({ lanes }) =>
      Promise.all(lanes.slice(0, rows).map((lane) => lane.step(7, PROMPT_TOKENS, NEVER))),
    );
  }
  for (const { release } of loaded) await release();
}

/** What a process takes that does nothing else: memory that was freed would be used again. */
async function loadApart(
  folder: string,
  { precision = 'float32', cacheFolder }: Way,
): Promise<LoadFigures> {
  const args = [folder, precision, ...(cacheFolder === undefined ? [] : [cacheFolder])];
  const script = fileURLToPath(new URL('precision-load.js', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script, ...args], {
    timeout: LOAD_TIMEOUT_MS,
  });
  return JSON.parse(stdout) as LoadFigures;
}

type Loaded = Awaited<ReturnType<typeof prepare>>;

async function prepare(name: string, model: WhisperModel) {
  const one = { initial: 1, max: LANES };
  const limits = { audio: one, mel: one, encoder_output: one, kv_cache: one };
  const pools = await createWindowPools(model, limits, { lanesPerJob: LANES });
  const slots = pools.acquire('bench');
  const { mel, hiddenStates } = slots.window(0);
  mel.data.set(goldenMel(model.dimensions.nMels));
  const encode = () => melToHiddenStates(pools.encoder, mel, hiddenStates, NEVER);
  await encode();
  const lanes = Array.from({ length: LANES }, (_, index) => slots.lane(index));
  for (const lane of lanes) await lane.fill(hiddenStates, NEVER);
  return {
    name,
    encode,
    fill: () => lanes[0]?.fill(hiddenStates, NEVER),
    lanes,
    release: async () => {
      slots[Symbol.dispose]();
      pools[Symbol.dispose]();
      await model.release();
    },
  };
}

/** Medians in ms, and how long each takes beside float32 as it is cached. */
async function compare(
  what: string,
  rounds: number,
  loaded: readonly Loaded[],
  act: (model: Loaded) => Promise<unknown> | undefined,
): Promise<void> {
  const subjects = loaded.map((model): Subject => {
    return { name: model.name, batch: 1, run: async () => void (await act(model)) };
  });
  const figures = await measure(rounds, subjects);
  printTitle(what);
  printRow('ms', ['median', 'times']);
  for (const { name } of subjects) {
    const { median } = figures(name);
    const times = median / figures(FLOAT32).median;
    printRow(name, [median / NS_PER_MS, times].map(rounded));
  }
}
