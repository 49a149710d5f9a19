/** What every voice activity detector keeps to: one suite, run by each. */

import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { InferenceEngine } from '../../packages/pipeline/src/inference/inference-port.ts';
import { openInferenceEngine } from '../../packages/pipeline/src/inference/open-engine.ts';
import { loadVoiceActivity } from '../../packages/pipeline/src/voice-activity/load-voice-activity.ts';
import { SEQUENTIAL_SPANS } from '../../packages/pipeline/src/voice-activity/speech-span-options.ts';
import {
  type SpeechSpan,
  speechSpans,
} from '../../packages/pipeline/src/voice-activity/speech-spans.ts';
import {
  VAD_BATCH_FRAMES,
  VAD_BATCH_SAMPLES,
  type VoiceActivityModel,
} from '../../packages/pipeline/src/voice-activity/voice-activity-detector.ts';
import { addOneGraph } from '../conformance/inference-graphs.ts';
import { difference } from '../support/arrays.ts';
import { hasShared, SAMPLES, SHARED, VAD_MODEL } from '../support/paths.ts';
import { noise, probabilitiesOf, spansOf, wavToPcm } from '../support/voice-activity.ts';

const SECOND = 16_000;
const NEVER = new AbortController().signal;

async function folderWith(file: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'amanuensis-vad-'));
  await cp(file, join(folder, 'model.onnx'));
  return folder;
}

/** As Silero publishes it: one frame a run. Not part of the project. */
const PUBLISHED = 'silero-vad/silero_vad.onnx';

const SUBJECTS: readonly {
  readonly name: string;
  readonly prefer?: InferenceEngine['name'];
  readonly folder: () => Promise<string>;
  readonly expected: VoiceActivityModel['name'];
  readonly isHere: boolean;
  /** Whether the folder is the test's own, to be removed after it. */
  readonly isMade: boolean;
}[] = [
  ...(['c-api', 'node-binding'] as const).flatMap((prefer) => [
    {
      name: `Silero on ${prefer}`,
      prefer,
      folder: async () => VAD_MODEL,
      expected: 'silero' as const,
      isHere: true,
      isMade: false,
    },
    {
      name: `Silero as published on ${prefer}`,
      prefer,
      folder: () => folderWith(join(SHARED, PUBLISHED)),
      expected: 'silero' as const,
      isHere: hasShared(PUBLISHED),
      isMade: true,
    },
  ]),
  {
    name: 'energy',
    folder: async () => join(SAMPLES, 'nothing'),
    expected: 'energy',
    isHere: true,
    isMade: false,
  },
];

describe.each(SUBJECTS)('$name', ({ prefer, folder, expected, isHere, isMade }) => {
  describe.skipIf(!isHere)('', () => {
    let model: VoiceActivityModel;
    let standup: Float32Array;
    let path: string;
    beforeAll(async () => {
      path = await folder();
      const engine = await openInferenceEngine(prefer === undefined ? {} : { prefer });
      model = await loadVoiceActivity(path, engine);
      standup = wavToPcm(await readFile(join(SAMPLES, 'standup.wav')));
    });
    afterAll(async () => {
      await model.release();
      if (isMade) await rm(path, { recursive: true });
    });

    async function listen(pcm: Float32Array): Promise<Float32Array> {
      using detector = model.createDetector();
      return await probabilitiesOf(detector, pcm);
    }

    async function find(pcm: Float32Array): Promise<SpeechSpan[]> {
      using detector = model.createDetector();
      return await spansOf(detector, pcm);
    }

    test('says what it is', () => {
      expect(model.name).toBe(expected);
    });

    test('gives probabilities, the same for the same recording', async () => {
      const first = await listen(standup);
      expect(first.every((p) => p >= 0 && p <= 1)).toBe(true);
      expect(await listen(standup)).toEqual(first);
    });

    test('finds the sentences of a recording, and the pauses between them', async () => {
      const probabilities = await listen(standup);
      const spans = speechSpans(probabilities, standup.length, SEQUENTIAL_SPANS);
      /** Frames of speech between two times in seconds. */
      const spokenIn = (from: number, to: number): number =>
        probabilities
          .subarray(Math.ceil((from * SECOND) / 512), Math.floor((to * SECOND) / 512))
          .filter((p) => p >= SEQUENTIAL_SPANS.negativeThreshold).length;
      const truth: Record<string, [number, number, string][]> = JSON.parse(
        await readFile(join(SAMPLES, 'truth.json'), 'utf8'),
      );
      const sentences = truth['standup.wav'] ?? [];
      expect(sentences.length).toBe(4);
      for (const [start, end] of sentences) {
        // Each would be found if it were alone.
        expect(spokenIn(start, end)).toBeGreaterThanOrEqual(SEQUENTIAL_SPANS.minSpeechFrames);
        const isInside = (span: SpeechSpan): boolean =>
          span.start <= start * SECOND && end * SECOND <= span.end;
        expect(spans.some(isInside)).toBe(true);
      }
      // Before the first sentence, and the pause of 0.75 s before the last.
      expect(spokenIn(0, 0.35)).toBe(0);
      expect(spokenIn(7.65, 8.2)).toBe(0);
    });

    test('finds none in silence, in noise and in hum', async () => {
      const random = noise(3);
      const length = 20 * SECOND;
      const white = Float32Array.from({ length }, () => 0.1 * random());
      const hum = Float32Array.from({ length }, (_, i) => {
        const phase = (2 * Math.PI * i) / SECOND;
        return 0.1 * Math.sin(50 * phase) + 0.05 * Math.sin(150 * phase);
      });
      expect(await find(new Float32Array(length))).toEqual([]);
      expect(await find(white)).toEqual([]);
      expect(await find(hum)).toEqual([]);
    });

    test('detectors do not hear each other', async () => {
      const random = noise(4);
      const other = Float32Array.from(standup, () => random());
      const expectedProbabilities = await listen(standup);
      using mine = model.createDetector();
      using theirs = model.createDetector();
      const [heard] = await Promise.all([
        probabilitiesOf(mine, standup),
        probabilitiesOf(theirs, other),
      ]);
      expect(heard).toEqual(expectedProbabilities);
    });

    test('hears as well after a minute of faint hum as at once', async () => {
      const hum = (i: number): number => {
        const phase = (2 * Math.PI * i) / SECOND;
        return 0.01 * Math.sin(50 * phase) + 0.005 * Math.sin(150 * phase);
      };
      const voicemail = wavToPcm(await readFile(join(SAMPLES, 'voicemail.wav')));
      const lead = 59 * VAD_BATCH_SAMPLES;
      const pcm = Float32Array.from({ length: lead + voicemail.length }, (_, i) => {
        return hum(i) + (voicemail[i - lead] ?? 0);
      });
      const loud = (probabilities: Float32Array): number =>
        probabilities.filter((p) => p >= SEQUENTIAL_SPANS.threshold).length;
      const atOnce = loud(await listen(pcm.slice(lead)));
      expect(loud(await listen(pcm)) / atOnce).toBeGreaterThan(0.95);
    });

    test('remembers what came before', async () => {
      const random = noise(5);
      const noisy = standup.subarray(0, 2 * VAD_BATCH_SAMPLES).map((x) => x + 0.02 * random());
      const afterSilence = new Float32Array(noisy.length + VAD_BATCH_SAMPLES);
      afterSilence.set(noisy, VAD_BATCH_SAMPLES);
      const alone = await listen(noisy);
      const after = (await listen(afterSilence)).subarray(VAD_BATCH_FRAMES);
      expect(difference(after, alone).greatest).toBeGreaterThan(0.05);
    });

    test('stops when it is told to', async () => {
      using detector = model.createDetector();
      const pcm = new Float32Array(VAD_BATCH_SAMPLES);
      const out = new Float32Array(VAD_BATCH_FRAMES);
      await expect(detector.detect(pcm, out, AbortSignal.abort())).rejects.toMatchObject(
        expected === 'energy' ? { name: 'AbortError' } : { code: 'aborted' },
      );
      await detector.detect(pcm, out, NEVER);
      expect(Math.max(...out)).toBeLessThan(0.5);
    });
  });
});

describe('a folder', () => {
  let engine: InferenceEngine;
  let folder: string;
  beforeAll(async () => {
    engine = await openInferenceEngine();
    folder = await folderWith(join(VAD_MODEL, 'silero_vad_v6.onnx'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('without sums is taken as it is; with wrong ones it is refused', async () => {
    const model = await loadVoiceActivity(folder, engine);
    expect(model.name).toBe('silero');
    await model.release();
    const sums = join(folder, 'SHA256SUMS');
    onTestFinished(() => rm(sums));
    await writeFile(sums, `${'0'.repeat(64)}  model.onnx\n`);
    const refusal = loadVoiceActivity(folder, engine);
    await expect(refusal).rejects.toMatchObject({ code: 'checksum_mismatch' });
    await writeFile(sums, '');
    await expect(loadVoiceActivity(folder, engine)).rejects.toMatchObject({
      code: 'checksum_mismatch',
    });
  });

  test('with two models is refused', async () => {
    const second = join(folder, 'second.onnx');
    onTestFinished(() => rm(second));
    await cp(join(folder, 'model.onnx'), second);
    await expect(loadVoiceActivity(folder, engine)).rejects.toMatchObject({
      code: 'unsupported_model',
    });
  });

  test('with something else is refused', async () => {
    const other = await mkdtemp(join(tmpdir(), 'amanuensis-vad-'));
    onTestFinished(() => rm(other, { recursive: true }));
    await writeFile(join(other, 'model.onnx'), 'no model');
    await expect(loadVoiceActivity(other, engine)).rejects.toMatchObject({ code: 'invalid_file' });
    await writeFile(join(other, 'model.onnx'), addOneGraph(4));
    await expect(loadVoiceActivity(other, engine)).rejects.toMatchObject({
      code: 'unsupported_model',
    });
  });
});
