/** Windows of real recordings give the tokens of the reference, and doubtful ones are decoded anew. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { transcriptionOptionsSchema } from '@amanuensis/contract';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { audioToPcm } from '../../packages/pipeline/src/audio-to-pcm.ts';
import { decodingRules } from '../../packages/pipeline/src/decoding/decoding-rules.ts';
import {
  hiddenStatesToTokens,
  type WindowTokens,
} from '../../packages/pipeline/src/hidden-states-to-tokens.ts';
import type { JobSlots } from '../../packages/pipeline/src/job-slots.ts';
import { melToHiddenStates } from '../../packages/pipeline/src/mel-to-hidden-states.ts';
import { pcmToMel } from '../../packages/pipeline/src/pcm-to-mel.ts';
import { readFloat32 } from '../support/arrays.ts';
import { type DemoDevice, openDemoDevice } from '../support/demo-device.ts';
import { FIXTURES, SAMPLES } from '../support/paths.ts';

const SIGNAL = new AbortController().signal;
/** A string of random words that the model does not make out. */
const MUMBLED = join(FIXTURES, 'heldout/006.flac');
const FILES = ['standup.wav', 'voicemail.wav', 'dictation.mp3', 'call.wav'];

const fixture = z.object({
  first_window: z.record(
    z.string(),
    z.object({
      greedy: z.array(z.int()),
      beam5: z.array(z.int()),
      beam5_logprob: z.number(),
    }),
  ),
});
const reference = fixture.parse(
  JSON.parse(readFileSync(join(FIXTURES, 'reference/first-window.json'), 'utf8')),
).first_window;

let device: DemoDevice;
beforeAll(async () => {
  device = await openDemoDevice(1);
});
afterAll(() => device[Symbol.asyncDispose]());

async function readWindow(source: string, pcm: Float32Array): Promise<void> {
  if (source.endsWith('.f32')) return pcm.set(readFloat32(source));
  await using audio = await audioToPcm(source, { maxDurationSeconds: 600, signal: SIGNAL });
  pcm.fill(0, await audio.read(pcm, SIGNAL));
}

/** The first window of a recording, in the first lane of a job. */
async function hear(source: string): Promise<JobSlots> {
  const { pools } = device;
  const slots = pools.acquire(source);
  const { pcm, mel, hiddenStates } = slots.window(0);
  await readWindow(source, pcm);
  await pcmToMel(pcm, mel.data, pools.logMelKernel, SIGNAL);
  await melToHiddenStates(pools.encoder, mel, hiddenStates, SIGNAL);
  await slots.lane(0).fill(hiddenStates, SIGNAL);
  return slots;
}

/** Decodes it as often as there are options, one after the other in the same lanes. */
async function decode(source: string, ...jobs: object[]): Promise<WindowTokens[]> {
  const { model } = device;
  using slots = await hear(source);
  const lanes = { maxLanes: slots.lanesPerJob, lane: (index: number) => slots.lane(index) };
  const prompt = { tokens: [model.tokenizer.startOfTranscript], startIndex: 0 };
  const windows: WindowTokens[] = [];
  for (const job of jobs) {
    const rules = decodingRules(model, transcriptionOptionsSchema.parse(job));
    windows.push(await hiddenStatesToTokens(lanes, prompt, rules, 0, SIGNAL));
  }
  return windows;
}

test.each(FILES)(
  '%s: greedy tokens, and those of a beam of five, are the reference’s',
  async (file) => {
    const expected = reference[file];
    const [greedy, beam, again] = await decode(
      join(SAMPLES, file),
      { temperature: 0 },
      { temperature: 0, beam_size: 5 },
      { temperature: 0 },
    );
    expect(greedy?.tokens).toEqual(expected?.greedy);
    expect(beam?.tokens).toEqual(expected?.beam5);
    const sum = (beam?.avgLogprob ?? NaN) * ((beam?.tokens.length ?? NaN) + 1);
    console.log(
      `${file}: log-probability of the beam ${sum}, of the reference's ${expected?.beam5_logprob}`,
    );
    expect(sum).toBeCloseTo(expected?.beam5_logprob ?? NaN, 3);
    const ofTokens = beam?.tokenLogprobs.reduce((total, logprob) => total + logprob, 0);
    expect(ofTokens).toBeGreaterThanOrEqual(sum);
    expect(again).toEqual(greedy);
  },
);

describe('samples', () => {
  const sampled = { temperature: 0.8, best_of: 3, logprob_threshold: null };

  test('are the same for the same seed, and others for another', async () => {
    const [one, again, other] = await decode(
      MUMBLED,
      { ...sampled, seed: 1 },
      { ...sampled, seed: 1 },
      { ...sampled, seed: 2 },
    );
    expect(one?.temperature).toBe(0.8);
    expect(again).toEqual(one);
    expect(other?.tokens).not.toEqual(one?.tokens);
  });

  test('are better when there are more to choose from', async () => {
    const [one, five] = await decode(
      MUMBLED,
      { ...sampled, best_of: 1 },
      { ...sampled, best_of: 5 },
    );
    expect(five?.tokens).not.toEqual(one?.tokens);
    expect(five?.avgLogprob).toBeGreaterThan(one?.avgLogprob ?? NaN);
  });
});

describe('fallback', () => {
  test('decodes an unlikely text anew, and nothing where no threshold is set', async () => {
    const never = { logprob_threshold: null, compression_ratio_threshold: null };
    const [cold, fallenBack, kept] = await decode(MUMBLED, { temperature: 0 }, {}, never);
    expect(cold?.avgLogprob).toBeLessThan(-1);
    expect(fallenBack?.temperature).toBeGreaterThan(0);
    expect(fallenBack?.avgLogprob).toBeGreaterThan(-1);
    expect(kept).toEqual(cold);
  });

  test('decodes a likely text once', async () => {
    const [cold, text] = await decode(join(SAMPLES, 'standup.wav'), { temperature: 0 }, {});
    expect(text).toEqual(cold);
  });

  test('takes noise for silence, however unlikely its text is', async () => {
    const noise = join(FIXTURES, 'goldens/noise-pcm.f32');
    const [text, audible] = await decode(noise, {}, { no_speech_threshold: null });
    expect(text?.noSpeechProb).toBeGreaterThan(0.6);
    expect(text?.avgLogprob).toBeLessThan(-1);
    expect(text?.temperature).toBe(0);
    expect(audible?.temperature).toBeGreaterThan(0);
  });
});
