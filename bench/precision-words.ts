/** Words that the demonstration model gets wrong in each precision, and how long it takes. */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { transcriptionOptionsSchema } from '@amanuensis/contract';
import {
  createWindowPools,
  type InferenceEngine,
  loadVoiceActivity,
  loadWhisper,
  type Precision,
  transcribe,
} from '@amanuensis/pipeline';
import { printRow, printTitle, rounded } from './pool-printing.ts';
import { importWordErrorRate } from './word-errors.ts';

const ROOT = join(import.meta.dirname, '../..');
const SAMPLES = join(ROOT, 'samples');
/** Of `models/demo/recipe`, where they were made; the samples stand in for them elsewhere. */
const HELD_OUT = join(ROOT, '../shared/demo-model/heldout');
const THREADS = 2;
const TIMEOUT_MS = 600_000;

interface Spoken {
  readonly path: string;
  readonly text: string;
}

export async function printWords(
  engine: InferenceEngine,
  cacheFolder: string,
  names: Readonly<Record<Precision, string>>,
): Promise<void> {
  const recordings = (await heldOut()) ?? (await samples());
  printTitle(`The demonstration model on ${recordings.length} recordings`);
  printRow('', ['errors', 'words', 'WER, %', 'seconds', 'RTFx']);
  for (const [precision, name] of Object.entries(names) as [Precision, string][]) {
    const { errors, words, seconds, audioSeconds } = await transcribeAll(
      recordings,
      engine,
      cacheFolder,
      precision,
    );
    const rate = (100 * errors) / words;
    const figures = [rate, seconds, audioSeconds / seconds].map(rounded);
    printRow(name, [String(errors), String(words), ...figures]);
  }
}

async function transcribeAll(
  recordings: readonly Spoken[],
  engine: InferenceEngine,
  cacheFolder: string,
  precision: Precision,
) {
  const wordErrorRate = await importWordErrorRate();
  const folder = join(ROOT, 'models/demo');
  const options = { name: 'demo', intraOpThreads: THREADS, precision, cacheFolder };
  const model = await loadWhisper(folder, engine, options);
  const one = { initial: 1, max: 1 };
  const limits = { audio: one, mel: one, encoder_output: one, kv_cache: one };
  const pools = await createWindowPools(model, limits, { lanesPerJob: 1 });
  const voiceActivity = await loadVoiceActivity(join(ROOT, 'models/vad'), engine);
  const total = { errors: 0, words: 0, seconds: 0, audioSeconds: 0 };
  for (const { path, text } of recordings) {
    const startMs = performance.now();
    const transcription = await transcribe(
      { path, owner: 'bench' },
      { model, pools, voiceActivity },
      {
        signal: AbortSignal.timeout(TIMEOUT_MS),
        maxDurationSeconds: 600,
        // Greedy, once: what sampling makes of a hard window is chance.
        options: transcriptionOptionsSchema.parse({ temperature: 0 }),
      },
    );
    total.seconds += (performance.now() - startMs) / 1000;
    total.audioSeconds += transcription.duration;
    const { errors, words } = wordErrorRate(text, transcription.text);
    total.errors += errors;
    total.words += words;
  }
  pools[Symbol.dispose]();
  await model.release();
  await voiceActivity.release();
  return total;
}

/** Null where they are not. */
async function heldOut(): Promise<readonly Spoken[] | null> {
  const table = await readFile(join(HELD_OUT, 'transcripts.tsv'), 'utf8').catch(() => null);
  const rows = table?.trim().split('\n').slice(1);
  return (
    rows?.map((row) => {
      const [file = '', text = ''] = row.split('\t');
      return { path: join(HELD_OUT, file), text };
    }) ?? null
  );
}

type Truth = Readonly<Record<string, readonly (readonly [number, number, string])[]>>;

async function samples(): Promise<readonly Spoken[]> {
  const truth = JSON.parse(await readFile(join(SAMPLES, 'truth.json'), 'utf8')) as Truth;
  const files = await readdir(SAMPLES);
  return Object.entries(truth)
    .filter(([file]) => files.includes(file))
    .map(([file, sentences]) => {
      const text = sentences.map(([, , sentence]) => sentence).join(' ');
      return { path: join(SAMPLES, file), text };
    });
}
