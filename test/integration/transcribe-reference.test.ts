import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { transcriptionOptionsSchema } from '@amanuensis/contract';
import {
  createWindowPools,
  type HeardWindow,
  loadVoiceActivity,
  loadWhisper,
  openInferenceEngine,
  transcribe,
  type VoiceActivityModel,
  type WhisperModel,
  type WindowPools,
} from '@amanuensis/pipeline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { DEMO_MODEL, FIXTURES, SAMPLES, VAD_MODEL } from '../support/paths.ts';

/** Below this difference of the two best logits, rounding alone may pick the other token. */
const TIE_MARGIN = 1e-3;
const MAX_TIES = 2;
/** The reference decodes greedily, once. */
const OPTIONS = transcriptionOptionsSchema.parse({ temperature: 0 });

const referenceSchema = z.record(
  z.string(),
  z.object({
    text: z.string(),
    segments: z.array(
      z.object({ start: z.number(), end: z.number(), text: z.string(), tokens: z.array(z.int()) }),
    ),
    windows: z.array(
      z.object({
        seek: z.number(),
        tokens: z.array(z.int()),
        avg_logprob: z.number(),
        no_speech_prob: z.number(),
        margins: z.array(z.number()),
      }),
    ),
  }),
);
const reference = referenceSchema.parse(
  JSON.parse(readFileSync(join(FIXTURES, 'reference/transcripts.json'), 'utf8')),
);

let model: WhisperModel;
let pools: WindowPools;
let voiceActivity: VoiceActivityModel;
const ties: string[] = [];

beforeAll(async () => {
  const engine = await openInferenceEngine();
  model = await loadWhisper(DEMO_MODEL, engine, { name: 'demo', intraOpThreads: 2 });
  voiceActivity = await loadVoiceActivity(VAD_MODEL, engine);
  const one = { initial: 1, max: 1 };
  pools = await createWindowPools(
    model,
    {
      audio: one,
      mel: one,
      encoder_output: one,
      kv_cache: one,
    },
    { lanesPerJob: 1 },
  );
});
afterAll(async () => {
  pools[Symbol.dispose]();
  await model.release();
  await voiceActivity.release();
});

test.each(['standup.wav', 'voicemail.wav', 'dictation.mp3', 'call.wav'])(
  '%s gives the tokens of the reference, window by window',
  async (name) => {
    const expected = reference[name];
    if (expected === undefined) throw new Error(`no reference for ${name}`);
    const windows: HeardWindow[] = [];
    const transcript = await transcribe(
      { path: join(SAMPLES, name), owner: name },
      { model, pools, voiceActivity },
      {
        signal: AbortSignal.timeout(60_000),
        maxDurationSeconds: 600,
        options: OPTIONS,
        onPart: ({ heard }) => windows.push(...heard),
      },
    );
    const tied = compareWindows(name, windows, expected.windows);
    if (!tied) {
      expect(transcript.text).toBe(expected.text.trim());
      const spans = transcript.segments.map(({ start, end, text, tokens }) => ({
        start,
        end,
        text,
        tokens,
      }));
      expect(spans).toEqual(expected.segments);
    }
    expect(pools.all.map((pool) => pool.stats().inUse)).toEqual([0, 0, 0, 0]);
  },
);

test('few steps were too close to call', () => {
  console.log(ties.length === 0 ? 'no ties' : `ties:\n${ties.join('\n')}`);
  expect(ties.length).toBeLessThanOrEqual(MAX_TIES);
});

type ReferenceWindow = z.infer<typeof referenceSchema>[string]['windows'][number];

/** True when a tie ended the comparison: what follows it may differ rightly. */
function compareWindows(
  name: string,
  windows: readonly HeardWindow[],
  expected: readonly ReferenceWindow[],
): boolean {
  for (const [index, want] of expected.entries()) {
    const got = windows[index];
    expect((got?.span.startFrame ?? 0) / 100, `${name}: start of window ${index}`).toBe(want.seek);
    const step = firstDifference(got?.tokens ?? [], want.tokens);
    if (step !== null) {
      const margin = want.margins[step] ?? Infinity;
      expect(margin, `${name}, window ${index}, step ${step}: margin`).toBeLessThan(TIE_MARGIN);
      ties.push(`${name}, window ${index}, step ${step}: margin ${margin}`);
      return true;
    }
    expect(got?.avgLogprob).toBeCloseTo(want.avg_logprob, 2);
    expect(got?.noSpeechProb).toBeCloseTo(want.no_speech_prob, 2);
  }
  expect(windows).toHaveLength(expected.length);
  return false;
}

function firstDifference(got: readonly number[], want: readonly number[]): number | null {
  const length = Math.max(got.length, want.length);
  for (let i = 0; i < length; i++) if (got[i] !== want[i]) return i;
  return null;
}
