/**
 * An adaptive energy detector, for machines without the Silero model.
 *
 * Speech is what is louder than the noise floor in the band of the telephone, and is not steady: a
 * voice rises and falls, and has a pitch where it does not. So silence, noise and hum of any level
 * hold no speech, from their first second on.
 *
 * What it cannot do: music, typing, beeps, a noise of 0.2 to 0.5 s and the noise of a street rise and
 * fall too, and are taken for speech; speech less than about 8 dB above noise is lost in part.
 */

import { NoiseFloor } from './energy-noise-floor.ts';
import { PitchStrength } from './energy-pitch.ts';
import { SpeechBand } from './energy-speech-band.ts';
import { Steadiness } from './energy-steadiness.ts';
import { VAD_BATCH_FRAMES, type VoiceActivityDetector } from './voice-activity-detector.ts';

/** Above the noise floor by so much, a frame is as likely speech as not. */
const SPEECH_ABOVE_FLOOR_DB = 8;
/** Of the logistic curve around it: 0.35 is reached 1.2 dB below. */
const SLOPE_DB = 2;
/** Whatever is softer in the band than this, in dB of full scale, is no speech. */
const FAINTEST_SPEECH_DB = -62;

export class EnergyDetector implements VoiceActivityDetector {
  readonly #band = new SpeechBand();
  readonly #pitchStrength = new PitchStrength();
  readonly #floor = new NoiseFloor();
  readonly #steadiness = new Steadiness();
  // [32] f32, dB of full scale
  readonly #levels = new Float32Array(VAD_BATCH_FRAMES);
  // [32] f32, at most 1
  readonly #pitch = new Float32Array(VAD_BATCH_FRAMES);

  async detect(pcm: Float32Array, out: Float32Array, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#band.levels(pcm, this.#levels);
    this.#pitchStrength.update(pcm, this.#pitch);
    this.#steadiness.update(this.#levels, this.#pitch);
    const floor = this.#floor.update(this.#levels);
    for (let frame = 0; frame < VAD_BATCH_FRAMES; frame++) {
      const level = this.#levels[frame] ?? 0;
      const isNoise = this.#steadiness.isSteady(frame) || level < FAINTEST_SPEECH_DB;
      out[frame] = isNoise ? 0 : logistic((level - floor - SPEECH_ABOVE_FLOOR_DB) / SLOPE_DB);
    }
  }

  [Symbol.dispose](): void {}
}

function logistic(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
