/** The energy detector on sounds that it must not take for speech, and on speech. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SAMPLE_RATE_HZ } from '../../packages/pipeline/src/hyperparameters.ts';
import { EnergyDetector } from '../../packages/pipeline/src/voice-activity/energy-detector.ts';
import { NoiseFloor } from '../../packages/pipeline/src/voice-activity/energy-noise-floor.ts';
import { PitchStrength } from '../../packages/pipeline/src/voice-activity/energy-pitch.ts';
import { SpeechBand } from '../../packages/pipeline/src/voice-activity/energy-speech-band.ts';
import { Steadiness } from '../../packages/pipeline/src/voice-activity/energy-steadiness.ts';
import { SEQUENTIAL_SPANS } from '../../packages/pipeline/src/voice-activity/speech-span-options.ts';
import { SAMPLES } from '../support/paths.ts';
import { noise, probabilitiesOf, spansOf, wavToPcm } from '../support/voice-activity.ts';

const SECOND = SAMPLE_RATE_HZ;
const sound = (nSamples: number, at: (seconds: number, i: number) => number): Float32Array =>
  Float32Array.from({ length: nSamples }, (_, i) => at(i / SECOND, i));
const sine = (hz: number, seconds: number): number => Math.sin(2 * Math.PI * hz * seconds);

describe('holds no speech', () => {
  test('digital silence', async () => {
    const probabilities = await probabilitiesOf(
      new EnergyDetector(),
      new Float32Array(20 * SECOND),
    );
    expect(Math.max(...probabilities)).toBe(0);
  });

  test('noise of any level and length, from wherever it begins', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer(),
        fc.double({ min: -90, max: 0, noNaN: true }),
        // What lasts for 0.2 to 0.5 s may be a word.
        fc.oneof(
          fc.integer({ min: 1, max: 0.15 * SECOND }),
          fc.integer({ min: 0.6 * SECOND, max: 6 * SECOND }),
        ),
        fc.integer({ min: 0, max: 2 * SECOND }),
        async (seed, levelDb, length, silence) => {
          const random = noise(seed);
          const level = 10 ** (levelDb / 20);
          const pcm = sound(silence + length, (_, i) => (i < silence ? 0 : level * random()));
          expect(await spansOf(new EnergyDetector(), pcm)).toEqual([]);
        },
      ),
      { numRuns: 150 },
    );
  });

  test('noise that becomes louder by 20 dB, or stops', async () => {
    for (const change of [10.1, 10.3, 10.5, 10.7, 10.9, 11.1]) {
      const random = noise(1);
      const louder = sound(20 * SECOND, (t) => (t < change ? 0.01 : 0.1) * random());
      expect(await spansOf(new EnergyDetector(), louder)).toEqual([]);
      const stopping = sound(20 * SECOND, (t) => (t < change ? 0.1 : 0) * random());
      expect(await spansOf(new EnergyDetector(), stopping)).toEqual([]);
    }
  });

  test.each([50, 60, 120, 440, 1000])('a hum of %i Hz with its overtones', async (hz) => {
    const pcm = sound(20 * SECOND, (t) => 0.2 * (sine(hz, t) + 0.5 * sine(2 * hz, t)));
    expect(await spansOf(new EnergyDetector(), pcm)).toEqual([]);
  });
});

describe('speech', () => {
  const voicemail = wavToPcm(readFileSync(join(SAMPLES, 'voicemail.wav')));

  test.each([1, 0.1, 0.02])('is found at a level of %f', async (gain) => {
    const pcm = voicemail.map((sample) => gain * sample);
    const [span, ...others] = await spansOf(new EnergyDetector(), pcm);
    expect(others).toEqual([]);
    // From 0.49 to 12.47 s.
    expect(span?.start).toBeLessThanOrEqual(0.49 * SECOND);
    expect(span?.end).toBeGreaterThanOrEqual(12.47 * SECOND);
  });

  test('is found in noise 15 dB below it, and the noise around it is not', async () => {
    const random = noise(7);
    let power = 0;
    for (const sample of voicemail) power += sample * sample;
    const level = Math.sqrt((power / voicemail.length) * 10 ** -1.5);
    const pcm = sound(60 * SECOND, (_, i) => (voicemail[i - 20 * SECOND] ?? 0) + level * random());
    const spans = await spansOf(new EnergyDetector(), pcm);
    expect(spans.length).toBe(1);
    expect(spans[0]?.start).toBeGreaterThan(19 * SECOND);
    expect(spans[0]?.start).toBeLessThanOrEqual(20.49 * SECOND);
    expect(spans[0]?.end).toBeGreaterThanOrEqual(32.4 * SECOND);
    expect(spans[0]?.end).toBeLessThan(34 * SECOND);
  });

  test('of one word is found where there is nothing else', async () => {
    const hello = voicemail.subarray(0.49 * SECOND, 1.13 * SECOND);
    expect(await spansOf(new EnergyDetector(), hello)).toEqual([{ start: 0, end: hello.length }]);
  });

  test('of one word is found wherever it falls', async () => {
    const hello = voicemail.subarray(0.4 * SECOND, 1.2 * SECOND);
    for (let at = 5 * SECOND; at < 6.1 * SECOND; at += 0.11 * SECOND) {
      const pcm = sound(10 * SECOND, (_, i) => hello[i - Math.round(at)] ?? 0);
      const spans = await spansOf(new EnergyDetector(), pcm);
      expect(spans.length).toBe(1);
      expect(spans[0]?.start).toBeLessThanOrEqual(at + 0.09 * SECOND);
      expect(spans[0]?.end).toBeGreaterThanOrEqual(at + 0.73 * SECOND);
    }
  });
});

test('the band of the telephone: 0 dB in its middle, some -3 dB at its edges, little beyond', () => {
  const levelOf = (hz: number): number => {
    const out = new Float32Array(20);
    new SpeechBand().levels(
      sound(20 * 512, (t) => sine(hz, t)),
      out,
    );
    // Of a sine, and once the filter has settled.
    return (out[19] ?? 0) + 10 * Math.log10(2);
  };
  expect(levelOf(1010)).toBeCloseTo(0, 1);
  // A digital filter is a little narrower towards half the sample rate.
  for (const edge of [300, 3400]) expect(Math.abs(levelOf(edge) + 3.4)).toBeLessThan(0.5);
  expect(levelOf(50)).toBeLessThan(-16);
  const silent = new Float32Array(1);
  new SpeechBand().levels(new Float32Array(512), silent);
  expect(silent[0]).toBe(-100);
});

test('the noise floor is the softest moment, of eight batches', () => {
  const floor = new NoiseFloor();
  const batch = (level: number) => new Float32Array(32).fill(level);
  expect(floor.update(batch(-30))).toBe(-30);
  const soft = batch(-20);
  soft.set([-60, -50, -40], 10);
  expect(floor.update(soft)).toBe(-50);
  // Two soft frames are chance, and are averaged with a third.
  const chance = batch(-20);
  chance.set([-80, -80], 10);
  expect(floor.update(chance)).toBe(-60);
  // The end of a recording is no background, digital silence before it is.
  const ending = batch(-20);
  ending.fill(-100, 12);
  expect(floor.update(ending)).toBe(-60);
  for (let i = 0; i < 6; i++) expect(floor.update(batch(-10))).toBe(-60);
  expect(floor.update(batch(-10))).toBe(-20);
  expect(floor.update(batch(-10))).toBe(-10);
  expect(floor.update(batch(-100))).toBe(-100);
});

test('steady is what stays within 4 dB for half a second without a pitch, or within 1 dB', () => {
  const at = (...runs: [number, number][]): Float32Array =>
    Float32Array.from(runs.flatMap(([n, level]) => new Array<number>(n).fill(level)));
  const [noise, voice] = [at([32, 0.2]), at([32, 0.9])];
  const steadyOf = (...batches: [levels: Float32Array, pitch: Float32Array][]): string[] => {
    const steadiness = new Steadiness();
    return batches.map(([levels, pitch]) => {
      steadiness.update(levels, pitch);
      return Array.from(levels, (_, i) => (steadiness.isSteady(i) ? '■' : '·')).join('');
    });
  };
  // What a recording begins with counts as longer than it is, what a batch ends with too.
  const edges = at([1, 0], [14, 50], [13, 9], [4, 90]);
  expect(steadyOf([edges, noise])).toEqual(['■···························■■■■']);
  // Half a second may lie in two batches.
  const [first, second] = [at([25, 0], [3, 9], [1, 0], [3, 92]), at([13, 92], [16, 50], [3, 54.1])];
  expect(steadyOf([first, noise], [second, noise])[1]).toBe('■'.repeat(29) + '·'.repeat(3));
  const short = at([11, 50], [1, 9], [15, 50], [1, 9], [1, 20], [3, 50]);
  expect(steadyOf([edges, noise], [short, noise])[1]).toBe('·'.repeat(32));
  // Within 2 dB a voice is no noise, a hum within 0.5 dB is one.
  const wobble = (db: number) => Float32Array.from({ length: 32 }, (_, i) => (i % 2) * db);
  expect(steadyOf([wobble(2), voice])).toEqual([`■${'·'.repeat(31)}`]);
  expect(steadyOf([wobble(2), noise])).toEqual(['■'.repeat(32)]);
  expect(steadyOf([wobble(0.5), voice])).toEqual(['■'.repeat(32)]);
  expect(steadyOf([wobble(4.1), noise])).toEqual([`■${'·'.repeat(31)}`]);
});

test('pitch is strong in what repeats itself 80 to 400 times a second, and weak in noise', () => {
  const strengthOf = (pcm: Float32Array): number => {
    const out = new Float32Array(32);
    const pitch = new PitchStrength();
    pitch.update(pcm, out);
    pitch.update(pcm, out);
    return Math.min(...out.subarray(1));
  };
  /** Pulses through a resonance of 500 Hz, as a vowel has them. */
  const vowel = (hz: number): Float32Array =>
    sound(32 * 512, (t) => Math.exp(-300 * (t % (1 / hz))) * sine(500, t % (1 / hz)));
  for (const hz of [85, 120, 210, 390]) expect(strengthOf(vowel(hz))).toBeGreaterThan(0.8);
  const random = noise(11);
  expect(strengthOf(sound(32 * 512, () => random()))).toBeLessThan(0.4);
  expect(strengthOf(new Float32Array(32 * 512))).toBe(0);
});

test('a span needs more than a click', async () => {
  const pcm = new Float32Array(10 * SECOND);
  pcm.fill(0.5, 5 * SECOND, 5 * SECOND + 1000);
  expect(await spansOf(new EnergyDetector(), pcm, SEQUENTIAL_SPANS)).toEqual([]);
});
