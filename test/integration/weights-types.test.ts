/** The demonstration model with its weights in other types and in several files. */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createWindowPools,
  loadVoiceActivity,
  loadWhisper,
  openInferenceEngine,
  transcribe,
} from '@amanuensis/pipeline';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/cli.ts';
import { DEMO_MODEL, SAMPLES, VAD_MODEL } from '../support/paths.ts';
import { type RewriteOptions, rewriteModel } from '../support/safetensors.ts';

const SAMPLE = join(SAMPLES, 'voicemail.wav');

async function transcribeWith(folder: string) {
  const engine = await openInferenceEngine();
  const model = await loadWhisper(folder, engine, { name: 'rewritten', intraOpThreads: 2 });
  const voiceActivity = await loadVoiceActivity(VAD_MODEL, engine);
  const one = { initial: 1, max: 1 };
  const limits = { audio: one, mel: one, encoder_output: one, kv_cache: one };
  try {
    using pools = await createWindowPools(model, limits, { lanesPerJob: 1 });
    const { text, segments } = await transcribe(
      { path: SAMPLE, owner: 'test' },
      { model, pools, voiceActivity },
      { signal: AbortSignal.timeout(60_000), maxDurationSeconds: 600 },
    );
    return { text, segments };
  } finally {
    await model.release();
    await voiceActivity.release();
  }
}

async function rewritten(options: RewriteOptions): Promise<string> {
  const folder = await temporaryFolder();
  await rewriteModel(DEMO_MODEL, folder, options);
  return folder;
}

const original = transcribeWith(DEMO_MODEL);

test.each<RewriteOptions>([
  { type: 'F16', shards: 3 },
  { type: 'F32', shards: 1 },
  { type: 'F32', shards: 2 },
])('$type in $shards files is the same model', { timeout: 60_000 }, async (options) => {
  expect(await transcribeWith(await rewritten(options))).toEqual(await original);
});

test('BF16, which keeps 8 bits of each weight, transcribes too', { timeout: 60_000 }, async () => {
  const got = await transcribeWith(await rewritten({ type: 'BF16', shards: 2 }));
  const expected = await original;
  expect(got.text.toLowerCase()).toContain('the meeting with daniel');
  expect(got.segments).not.toEqual(expected.segments);
  const [avgLogprob, expectedAvgLogprob] = [got, expected].map(
    ({ segments }) => segments[0]?.avg_logprob ?? Number.NaN,
  );
  expect(avgLogprob).toBeCloseTo(expectedAvgLogprob ?? Number.NaN, 1);
});

test('sums are recorded of all files, and a flipped bit in one of them is found', async () => {
  const folder = await rewritten({ type: 'F16', shards: 3 });
  const engine = await openInferenceEngine();
  const load = () => loadWhisper(folder, engine, { name: 'sharded', intraOpThreads: 2 });
  const model = await load();
  await model.release();
  expect(model.checksums).toBe('recorded');
  const sums = readFileSync(join(folder, 'SHA256SUMS'), 'utf8');
  const weights = readdirSync(folder).filter((name) => /safetensors/.test(name));
  expect(weights).toHaveLength(4);
  for (const name of weights) expect(sums).toContain(`  ${name}\n`);

  const last = join(folder, 'model-00003-of-00003.safetensors');
  const bytes = readFileSync(last);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  writeFileSync(last, bytes);
  await expect(load()).rejects.toMatchObject({
    code: 'checksum_mismatch',
    message: expect.stringContaining('model-00003-of-00003.safetensors is not what SHA256SUMS'),
  });
});
