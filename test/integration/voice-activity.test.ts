/** Where speech lies in recordings that a real ffmpeg made and decoded. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { audioToPcm } from '../../packages/pipeline/src/audio-to-pcm.ts';
import {
  HOP_SAMPLES,
  SAMPLE_RATE_HZ,
  WINDOW_SAMPLES,
} from '../../packages/pipeline/src/hyperparameters.ts';
import { openInferenceEngine } from '../../packages/pipeline/src/inference/open-engine.ts';
import { loadVoiceActivity } from '../../packages/pipeline/src/voice-activity/load-voice-activity.ts';
import { speechOnly } from '../../packages/pipeline/src/voice-activity/speech-only.ts';
import {
  BATCHED_SPANS,
  SEQUENTIAL_SPANS,
} from '../../packages/pipeline/src/voice-activity/speech-span-options.ts';
import {
  type SpeechSpan,
  speechSpans,
} from '../../packages/pipeline/src/voice-activity/speech-spans.ts';
import { SpeechWindows } from '../../packages/pipeline/src/voice-activity/speech-windows.ts';
import type { VoiceActivityModel } from '../../packages/pipeline/src/voice-activity/voice-activity-detector.ts';
import { hasShared, SAMPLES, SHARED, VAD_MODEL } from '../support/paths.ts';
import { decode, ffmpeg, isSame, temporaryFolder } from '../support/recordings.ts';
import { probabilitiesOf } from '../support/voice-activity.ts';

type Sentence = readonly [startSeconds: number, endSeconds: number, text: string];
const TRUTH: Readonly<Record<string, readonly Sentence[]>> = JSON.parse(
  readFileSync(join(SAMPLES, 'truth.json'), 'utf8'),
);

const NEVER = new AbortController().signal;
const MINUTE_TIMEOUT_MS = 60_000;
const STOP_DEADLINE_MS = 1_000;
const folder = temporaryFolder();
const made = (name: string): string => join(folder, name);

/** 20 s of each, as ffmpeg's `aevalsrc` and `anoisesrc` have it. */
const tone = (expression: string): string => `aevalsrc=exprs='${expression}':s=16000:d=20`;
const NOISES: Readonly<Record<string, string>> = {
  'silence.flac': 'anullsrc=r=16000:d=20',
  'white.wav': 'anoisesrc=r=16000:d=20:c=white:a=0.1:s=1',
  'white-loud.flac': 'anoisesrc=r=16000:d=20:c=white:a=0.5:s=2',
  'pink.wav': 'anoisesrc=r=16000:d=20:c=pink:a=0.1:s=3',
  'pink-loud.m4a': 'anoisesrc=r=16000:d=20:c=pink:a=0.9:s=4',
  'brown.flac': 'anoisesrc=r=16000:d=20:c=brown:a=0.3:s=5',
  'from-10-s.wav': tone('0.05*(random(0)*2-1)*gt(t\\,10.123)'),
  'swelling.wav': tone('0.05*(random(0)*2-1)*(1+0.5*sin(2*PI*0.3*t))'),
  'hum-50-hz.mp3': tone('0.1*sin(2*PI*50*t)+0.05*sin(2*PI*100*t)+0.02*sin(2*PI*150*t)'),
  'hum-120-hz.wav': tone('0.1*sin(2*PI*120*t)+0.08*sin(2*PI*240*t)+0.05*sin(2*PI*360*t)'),
  'whistle.wav': tone('0.2*sin(2*PI*440*t)'),
};

/** A note of this pitch with overtones, struck every `every` seconds. */
const note = (hz: string, every: number): string =>
  `exp(-3*mod(t\\,${every}))*(sin(2*PI*t*${hz})+0.5*sin(4*PI*t*${hz})+0.3*sin(6*PI*t*${hz}))`;
const DRUM = '0.2*(random(0)*2-1)*exp(-30*mod(t\\,0.25))';
const MUSIC: Readonly<Record<string, string>> = {
  'chords.mp3': tone(
    `0.1*(${note('261.63', 0.5)}+${note('329.63', 0.5)}+${note('392', 0.5)})+${DRUM}`,
  ),
  'melody.flac': tone(`0.2*${note('220*pow(2\\,floor(mod(t/0.4\\,8))/6)', 0.4)}`),
  'bass-and-drums.m4a': tone(`0.3*${note('55*pow(2\\,floor(mod(t/0.8\\,5))/12)', 0.8)}+${DRUM}`),
  'organ.wav': tone(
    '0.1*(sin(2*PI*196*t)+sin(2*PI*246.94*t)+sin(2*PI*293.66*t))*gt(sin(3*t)\\,-0.5)',
  ),
  'beeps.wav': tone('0.3*sin(2*PI*1000*t)*gt(mod(t\\,1)\\,0.9)'),
};

beforeAll(async () => {
  for (const [name, source] of Object.entries({ ...NOISES, ...MUSIC })) {
    await ffmpeg('-f', 'lavfi', '-i', source, made(name));
  }
}, MINUTE_TIMEOUT_MS);

const decoded = new Map<string, ReturnType<typeof decode>>();
function decodeOnce(path: string): ReturnType<typeof decode> {
  const found = decoded.get(path) ?? decode(path);
  decoded.set(path, found);
  return found;
}

const MODELS = { silero: VAD_MODEL, energy: made('no-model') };

describe.each(Object.entries(MODELS))('%s', (name, modelFolder) => {
  let model: VoiceActivityModel;
  beforeAll(async () => {
    model = await loadVoiceActivity(modelFolder, await openInferenceEngine());
  });
  afterAll(() => model.release());

  /** The spans in both modes. */
  async function find(path: string) {
    const { pcm } = await decodeOnce(path);
    using detector = model.createDetector();
    const probabilities = await probabilitiesOf(detector, pcm);
    const [sequential = [], batched = []] = [SEQUENTIAL_SPANS, BATCHED_SPANS].map((options) =>
      speechSpans(probabilities, pcm.length, options),
    );
    return { nSamples: pcm.length, sequential, batched };
  }

  test.each(Object.keys(NOISES))('%s holds no speech', async (file) => {
    expect(await find(made(file))).toMatchObject({ sequential: [], batched: [] });
  });

  // The energy detector cannot know better.
  test.skipIf(name === 'energy').each(Object.keys(MUSIC))('%s holds no speech', async (file) => {
    expect(await find(made(file))).toMatchObject({ sequential: [], batched: [] });
  });

  test.each(Object.keys(TRUTH))('every sentence of %s is in a span, whole', async (file) => {
    const { nSamples, sequential, batched } = await find(join(SAMPLES, file));
    const sentences = TRUTH[file] ?? [];
    for (const spans of [sequential, batched]) {
      for (const sentence of sentences) {
        const isInside = spans.some((span) => isIn(sentence, span));
        expect(isInside, sentence.join(' ')).toBe(true);
      }
      // The silence around all of them is left out, but for the padding and the detector's haste.
      const begin = (spans[0]?.start ?? 0) / SAMPLE_RATE_HZ;
      const end = (spans.at(-1)?.end ?? nSamples) / SAMPLE_RATE_HZ;
      expect((sentences[0]?.[0] ?? 0) - begin).toBeLessThan(0.5);
      expect(end - (sentences.at(-1)?.[1] ?? 0)).toBeLessThan(0.5);
    }
  });

  test.skipIf(!hasShared('speech')).each(speechFiles())('hears real speech: %s', async (file) => {
    const { nSamples, sequential } = await find(join(SHARED, 'speech', file));
    // Read sentences and verses, with pauses of less than 2 s and little silence around them.
    const kept = sequential.reduce((sum, { start, end }) => sum + end - start, 0);
    expect(sequential.length).toBe(1);
    expect(kept / nSamples).toBeGreaterThan(0.85);
  });
});

function isIn([start, end]: Sentence, span: SpeechSpan): boolean {
  return span.start <= start * SAMPLE_RATE_HZ && end * SAMPLE_RATE_HZ <= span.end;
}

function speechFiles(): string[] {
  if (!hasShared('speech')) return [];
  return readdirSync(join(SHARED, 'speech')).filter((name) => !name.endsWith('.tsv'));
}

describe('a recording with long silence', () => {
  const STANDUP_AT = 10;
  const VOICEMAIL_AT = 111.27;
  const LENGTH = 150;
  let model: VoiceActivityModel;

  beforeAll(async () => {
    model = await loadVoiceActivity(VAD_MODEL, await openInferenceEngine());
    const [standup, voicemail] = ['standup.wav', 'voicemail.wav'].map((f) => join(SAMPLES, f));
    const at = (seconds: number): string => `adelay=${seconds * 1000}`;
    const noise = `anoisesrc=r=16000:d=${LENGTH}:c=pink:a=0.003:s=9`;
    const mixed = `[0]${at(STANDUP_AT)}[a];[1]${at(VOICEMAIL_AT)}[b];[2][a][b]amix=3:normalize=0`;
    const inputs = ['-i', standup ?? '', '-i', voicemail ?? '', '-f', 'lavfi', '-i', noise];
    await ffmpeg(...inputs, '-filter_complex', mixed, '-ar', '16000', '-ac', '1', made('day.flac'));
  }, MINUTE_TIMEOUT_MS);
  afterAll(() => model.release());

  const sentences: readonly Sentence[] = [
    ...(TRUTH['standup.wav'] ?? []).map(shifted(STANDUP_AT)),
    ...(TRUTH['voicemail.wav'] ?? []).map(shifted(VOICEMAIL_AT)),
  ];

  test('is a stream of speech alone, sample for sample from where it says', async () => {
    const { pcm } = await decode(made('day.flac'));
    const path = made('day.flac');
    const source = await audioToPcm(path, { maxDurationSeconds: 3600, signal: NEVER });
    await using speech = speechOnly(source, model.createDetector());
    const heard = new Float32Array(60 * SAMPLE_RATE_HZ);
    let nSamples = 0;
    for (const size of [1, 16_000, 480_000, 480_000]) {
      nSamples += await speech.read(
        heard,
        NEVER,
        nSamples,
        Math.min(nSamples + size, heard.length),
      );
    }
    // 11.3 and 13.2 s of speech and pauses.
    expect(nSamples / SAMPLE_RATE_HZ).toBeGreaterThan(22);
    expect(nSamples / SAMPLE_RATE_HZ).toBeLessThan(27);
    expect(speech.durationSeconds).toBeCloseTo(LENGTH, 1);
    const inPlace = Float32Array.from({ length: nSamples }, (_, i) => {
      const offset = i % HOP_SAMPLES;
      const frame = speech.toRecordingFrame((i - offset) / HOP_SAMPLES);
      return pcm[frame * HOP_SAMPLES + offset] ?? NaN;
    });
    expect(isSame(inPlace, heard.subarray(0, nSamples))).toBe(true);
    // Frames of what was heard, as places in the recording, hold every sentence.
    const frames = new Set<number>();
    for (let frame = 0; frame * HOP_SAMPLES < nSamples; frame++) {
      frames.add(speech.toRecordingFrame(frame));
    }
    for (const [start, end, text] of sentences) {
      for (let frame = Math.floor(start * 100); frame < end * 100; frame++) {
        expect(frames.has(frame), `${text} at ${frame}`).toBe(true);
      }
    }
  });

  test('is two windows, each with its begin', async () => {
    const path = made('day.flac');
    const { pcm } = await decode(path);
    const source = await audioToPcm(path, { maxDurationSeconds: 3600, signal: NEVER });
    await using windows = new SpeechWindows(source, model.createDetector());
    const slot = new Float32Array(WINDOW_SAMPLES);
    for (const [at, spoken] of [
      [STANDUP_AT, 'standup.wav'],
      [VOICEMAIL_AT, 'voicemail.wav'],
    ] as const) {
      const window = await windows.next(slot, NEVER);
      const { startSample = 0, nSamples = 0 } = window ?? {};
      const [first, last] = [TRUTH[spoken]?.at(0), TRUTH[spoken]?.at(-1)];
      expect(startSample).toBeLessThanOrEqual((at + (first?.[0] ?? 0)) * SAMPLE_RATE_HZ);
      expect(startSample + nSamples).toBeGreaterThanOrEqual(
        (at + (last?.[1] ?? 0)) * SAMPLE_RATE_HZ,
      );
      const expected = pcm.subarray(startSample, startSample + nSamples);
      expect(isSame(slot.subarray(0, nSamples), expected)).toBe(true);
    }
    expect(await windows.next(slot, NEVER)).toBeNull();
  });

  test('stops when it is told to, in the middle of silence', async () => {
    const stop = new AbortController();
    const path = made('day.flac');
    const source = await audioToPcm(path, { maxDurationSeconds: 3600, signal: NEVER });
    await using speech = speechOnly(source, model.createDetector());
    const out = new Float32Array(WINDOW_SAMPLES);
    const read = speech.read(out, stop.signal);
    await vi.waitUntil(() => source.samplesRead > 30 * SAMPLE_RATE_HZ, { interval: 1 });
    stop.abort(new Error('told to'));
    const stoppedAt = performance.now();
    await expect(read).rejects.toSatisfy(
      (error: Error) => error.message === 'told to' || 'code' in error,
    );
    expect(performance.now() - stoppedAt).toBeLessThan(STOP_DEADLINE_MS);
  });
});

test('windows of two minutes of speech are cut between sentences', async () => {
  const model = await loadVoiceActivity(VAD_MODEL, await openInferenceEngine());
  const path = join(SAMPLES, 'call.wav');
  const source = await audioToPcm(path, { maxDurationSeconds: 3600, signal: NEVER });
  await using windows = new SpeechWindows(source, model.createDetector());
  const slot = new Float32Array(WINDOW_SAMPLES);
  const spans: [number, number][] = [];
  for (let next = await windows.next(slot, NEVER); next; next = await windows.next(slot, NEVER)) {
    const start = next.startSample / SAMPLE_RATE_HZ;
    spans.push([start, start + next.nSamples / SAMPLE_RATE_HZ]);
  }
  for (const [start, end, text] of TRUTH['call.wav'] ?? []) {
    expect(
      spans.some(([from, to]) => from <= start && end <= to),
      text,
    ).toBe(true);
  }
  // 125 s would fill 4.2 windows.
  expect(spans.length).toBe(5);
  await model.release();
});

function shifted(seconds: number): (sentence: Sentence) => Sentence {
  return ([start, end, text]) => [start + seconds, end + seconds, text];
}
