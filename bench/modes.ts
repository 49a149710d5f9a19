/**
 * One recording with its windows in order, and side by side in several lanes: how fast, and how many
 * words are lost at the cuts.
 */

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { transcriptionOptionsSchema } from '@amanuensis/contract';
import {
  createWindowPools,
  type Device,
  loadVoiceActivity,
  loadWhisper,
  openInferenceEngine,
  transcribe,
} from '@amanuensis/pipeline';
import { printRow, printTitle, rounded } from './pool-printing.ts';
import { importWordErrorRate } from './word-errors.ts';

const ROOT = join(import.meta.dirname, '../..');
const SAMPLES = join(ROOT, 'samples');
/** 10 minutes. */
const LONG = Array.from({ length: 4 }, () => ['standup.wav', 'voicemail.wav', 'call.wav']).flat();
const THREADS = 2;
const TIMEOUT_MS = 600_000;

interface Way {
  readonly name: string;
  readonly lanes: number;
  readonly options: Parameters<typeof transcriptionOptionsSchema.parse>[0];
}

/** Greedy, once: what sampling makes of a hard window is chance. */
const GREEDY = { temperature: 0 } as const;
const WAYS: readonly Way[] = [
  { name: 'in order', lanes: 1, options: GREEDY },
  { name: 'in order, silence left out', lanes: 1, options: { ...GREEDY, vad_filter: true } },
  ...[1, 2, 5].map((lanes) => ({
    name: `side by side, lanes: ${lanes}`,
    lanes,
    options: { ...GREEDY, mode: 'batched' },
  })),
];

export async function run(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'amanuensis-modes-'));
  const engine = await openInferenceEngine();
  const load = { name: 'demo', intraOpThreads: THREADS };
  const model = await loadWhisper(join(ROOT, 'models/demo'), engine, load);
  const voiceActivity = await loadVoiceActivity(join(ROOT, 'models/vad'), engine);
  try {
    const long = join(folder, 'long.wav');
    await concatenate(LONG, long);
    for (const [title, path, names] of [
      ['call.wav', join(SAMPLES, 'call.wav'), ['call.wav']],
      ['The samples one after the other, four times', long, LONG],
    ] as const) {
      printTitle(title);
      printRow('', ['errors', 'words', 'WER, %', 'seconds', 'RTFx']);
      const spoken = await textOf(names);
      for (const way of WAYS) await print(way, path, spoken, { model, voiceActivity });
    }
  } finally {
    await model.release();
    await voiceActivity.release();
    await rm(folder, { recursive: true });
  }
}

async function print(
  { name, lanes, options }: Way,
  path: string,
  spoken: string,
  parts: Omit<Device, 'pools'>,
): Promise<void> {
  const limit = { initial: lanes, max: lanes };
  const limits = { audio: limit, mel: limit, encoder_output: limit, kv_cache: limit };
  using pools = await createWindowPools(parts.model, limits, { lanesPerJob: lanes });
  const startMs = performance.now();
  const { text, duration } = await transcribe(
    { path, owner: 'bench' },
    { ...parts, pools },
    {
      signal: AbortSignal.timeout(TIMEOUT_MS),
      maxDurationSeconds: 3600,
      options: transcriptionOptionsSchema.parse(options),
    },
  );
  const seconds = (performance.now() - startMs) / 1000;
  const { errors, words } = (await importWordErrorRate())(spoken, text);
  const figures = [(100 * errors) / words, seconds, duration / seconds].map(rounded);
  printRow(name, [String(errors), String(words), ...figures]);
}

async function concatenate(names: readonly string[], out: string): Promise<void> {
  const inputs = names.flatMap((name) => ['-i', join(SAMPLES, name)]);
  const filter = `concat=n=${names.length}:v=0:a=1`;
  const output = ['-filter_complex', filter, '-ar', '16000', '-ac', '1', out];
  await promisify(execFile)('ffmpeg', ['-v', 'error', '-nostdin', ...inputs, ...output]);
}

type Truth = Readonly<Record<string, readonly (readonly [number, number, string])[]>>;

async function textOf(names: readonly string[]): Promise<string> {
  const truth = JSON.parse(await readFile(join(SAMPLES, 'truth.json'), 'utf8')) as Truth;
  return names.flatMap((name) => (truth[name] ?? []).map(([, , text]) => text)).join(' ');
}
