/** What becomes of a model's results where its weights are converted, cached and shared. */

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { transcriptionOptionsSchema } from '@amanuensis/contract';
import {
  cosineSimilarity,
  createWindowPools,
  goldenMel,
  type LoadOptions,
  loadVoiceActivity,
  loadWhisper,
  melToHiddenStates,
  openInferenceEngine,
  transcribe,
  type WhisperModel,
} from '@amanuensis/pipeline';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { wordErrorRate } from '../../apps/cli/src/word-error-rate.ts';
import { decodeModel } from '../../packages/pipeline/src/model/onnx-schema.ts';
import { difference } from '../support/arrays.ts';
import { DEMO_MODEL, ROOT, SAMPLES, VAD_MODEL } from '../support/paths.ts';
import { rewriteModel } from '../support/safetensors.ts';

const SIGNAL = new AbortController().signal;
const DEADLINE_MS = 120_000;
/** Float32 sums in another order. */
const ROUNDING = 1e-4;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'amanuensis-precision-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

interface LoadParts extends Partial<LoadOptions> {
  readonly from?: string;
  readonly engine?: 'c-api' | 'node-binding';
}

async function load({ from = DEMO_MODEL, engine, ...options }: LoadParts): Promise<WhisperModel> {
  const opened = await openInferenceEngine({ ...(engine && { prefer: engine }) });
  const model = await loadWhisper(from, opened, { name: 'demo', intraOpThreads: 1, ...options });
  onTestFinished(() => model.release());
  return model;
}

async function poolsOf(model: WhisperModel) {
  const limit = { initial: 0, max: 2 };
  const limits = { audio: limit, mel: limit, encoder_output: limit, kv_cache: limit };
  const pools = await createWindowPools(model, limits, { lanesPerJob: 2 });
  // Before the model's release: what is finished first was registered last.
  onTestFinished(() => pools[Symbol.dispose]());
  return pools;
}

/** Hidden states of a made window, and the logits after a prompt and after a step of two lanes. */
async function results(model: WhisperModel) {
  const pools = await poolsOf(model);
  using slots = pools.acquire('test');
  const { mel, hiddenStates } = slots.window(0);
  mel.data.set(goldenMel(model.dimensions.nMels));
  await melToHiddenStates(pools.encoder, mel, hiddenStates, SIGNAL);
  const lanes = [slots.lane(0), slots.lane(1)];
  for (const lane of lanes) {
    await lane.fill(hiddenStates, SIGNAL);
    await lane.prefill([model.tokenizer.startOfTranscript, 40, 41], 0, SIGNAL);
  }
  const prompted = (lanes[0]?.logits ?? new Float32Array()).slice();
  await Promise.all(lanes.map((lane) => lane.step(42, 3, SIGNAL)));
  return {
    hidden: new Float32Array(hiddenStates.data as Float32Array),
    prompted,
    stepped: lanes.map((lane) => lane.logits.slice()),
  };
}
type Results = Awaited<ReturnType<typeof results>>;

function expectAlike(actual: Results, expected: Results): void {
  expect(difference(actual.hidden, expected.hidden).greatest).toBeLessThan(ROUNDING);
  expect(difference(actual.prompted, expected.prompted).greatest).toBeLessThan(ROUNDING);
  for (const [lane, logits] of actual.stepped.entries()) {
    const wanted = expected.stepped[lane] ?? new Float32Array();
    expect(difference(logits, wanted).greatest).toBeLessThan(ROUNDING);
  }
}

/** Paths of a cache's files below its version's folder. */
function cachedFiles(): string[] {
  const versions = readdirSync(folder).filter((name) => name.startsWith('graphs-v'));
  return versions.flatMap((version) =>
    readdirSync(join(folder, version), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.includes('/'))
      .map((path) => join(version, path)),
  );
}

describe('float32', () => {
  test.each(['c-api', 'node-binding'] as const)(
    'from the cache computes what the published weights do (%s)',
    async (engine) => {
      const published = await results(await load({ engine }));
      expectAlike(await results(await load({ engine, cacheFolder: folder })), published);
      expectAlike(await results(await load({ engine, cacheFolder: folder })), published);
    },
  );

  test('of bfloat16 in several files is as it was published', async () => {
    const from = join(folder, 'model');
    mkdirSync(from);
    await rewriteModel(DEMO_MODEL, from, { type: 'BF16', shards: 3 });
    const published = await results(await load({ from }));
    expectAlike(await results(await load({ from, cacheFolder: folder })), published);
  });

  test('that was published so is read where it lies', async () => {
    const from = join(folder, 'model');
    mkdirSync(from);
    await rewriteModel(DEMO_MODEL, from, { type: 'F32', shards: 2 });
    const model = await load({ from, cacheFolder: folder });
    expectAlike(await results(model), await results(await load({})));
    expect(cachedFiles().filter((path) => path.endsWith('.safetensors'))).toEqual([]);
    expect(cachedFiles().filter((path) => path.endsWith('.onnx'))).toHaveLength(5);
  });
});

describe('int8', () => {
  test('needs a folder for its weights', async () => {
    await expect(load({ precision: 'int8' })).rejects.toThrow('need a cacheFolder');
  });

  test.each(['c-api', 'node-binding'] as const)('is close to float32 (%s)', async (engine) => {
    const exact = await results(await load({ engine }));
    const model = await load({ engine, precision: 'int8', cacheFolder: folder });
    const { hidden, prompted, stepped } = await results(model);
    const cosines = [
      cosineSimilarity(hidden, exact.hidden),
      cosineSimilarity(prompted, exact.prompted),
      ...stepped.map((logits, lane) =>
        cosineSimilarity(logits, exact.stepped[lane] ?? new Float32Array()),
      ),
    ];
    console.log(`${engine}: cosines with float32 ${cosines}`);
    for (const cosine of cosines) expect(cosine).toBeGreaterThan(0.995);
    // It must be another: not float32 under the name of int8.
    expect(difference(hidden, exact.hidden).greatest).toBeGreaterThan(ROUNDING);
  });

  test(
    'transcribes, with word times',
    async () => {
      const texts = new Map<string, string>();
      for (const precision of ['float32', 'int8'] as const) {
        const model = await load({ precision, cacheFolder: folder });
        const voiceActivity = await loadVoiceActivity(VAD_MODEL, await openInferenceEngine());
        const transcript = await transcribe(
          { path: join(SAMPLES, 'standup.wav'), owner: precision },
          { model, pools: await poolsOf(model), voiceActivity },
          {
            signal: AbortSignal.timeout(DEADLINE_MS),
            maxDurationSeconds: 600,
            options: transcriptionOptionsSchema.parse({ word_timestamps: true, temperature: 0 }),
          },
        );
        await voiceActivity.release();
        const words = transcript.segments.flatMap((segment) => segment.words ?? []);
        expect(words.map(({ word }) => word).join('')).toBe(
          transcript.segments.map(({ text }) => text).join(''),
        );
        texts.set(precision, transcript.text);
      }
      const { errors, words } = wordErrorRate(texts.get('float32') ?? '', texts.get('int8') ?? '');
      console.log(`int8 writes ${errors} of ${words} words of standup.wav other than float32`);
      expect(words).toBeGreaterThan(20);
      expect(errors / words).toBeLessThan(0.05);
    },
    DEADLINE_MS,
  );

  test('leaves the encoder that runs elsewhere in float32 and standard operators', async () => {
    let domains: readonly string[] = [];
    const engine = await openInferenceEngine();
    const model = await load({
      precision: 'int8',
      cacheFolder: folder,
      openEncoder: (graph) => {
        domains = decodeModel(graph.bytes).opset_import.map(({ domain }) => domain);
        return engine.createSession(graph, { intraOpThreads: 1 });
      },
    });
    expect(domains).toEqual(['']);
    const { hidden } = await results(model);
    const exact = await results(await load({}));
    expect(difference(hidden, exact.hidden).greatest).toBeLessThan(ROUNDING);
  });
});

describe('the cache', () => {
  test('with a flipped bit in its weights is made anew', async () => {
    const expected = await results(await load({ precision: 'int8', cacheFolder: folder }));
    const [path = ''] = cachedFiles().filter((name) => name.endsWith('.safetensors'));
    const whole = readFileSync(join(folder, path));
    const damaged = Buffer.from(whole);
    damaged[whole.length >> 1] = (whole[whole.length >> 1] ?? 0) ^ 0x40;
    writeFileSync(join(folder, path), damaged);
    expectAlike(await results(await load({ precision: 'int8', cacheFolder: folder })), expected);
    expect(readFileSync(join(folder, path)).equals(whole)).toBe(true);
  });

  test(
    'is filled by two processes at once, and serves both',
    async () => {
      const pipeline = pathToFileURL(join(ROOT, 'packages/pipeline/dist/index.js')).href;
      const script = `
      const { loadWhisper, openInferenceEngine } = await import(${JSON.stringify(pipeline)});
      const options = ${JSON.stringify({ name: 'demo', intraOpThreads: 1, precision: 'int8', cacheFolder: folder })};
      const model = await loadWhisper(${JSON.stringify(DEMO_MODEL)}, await openInferenceEngine(), options);
      console.log(model.precision);
      await model.release();`;
      const args = ['--input-type=module', '--eval', script];
      const run = () => promisify(execFile)(process.execPath, args, { timeout: DEADLINE_MS });
      for (const { stdout } of await Promise.all([run(), run()])) expect(stdout).toBe('int8\n');
      const [version = ''] = readdirSync(folder);
      expect(readdirSync(join(folder, version))).toHaveLength(1);
    },
    DEADLINE_MS,
  );
});
