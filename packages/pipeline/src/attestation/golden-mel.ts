/** A window that each encoder can be tried with: made by arithmetic alone, the same everywhere. */

import { WINDOW_FRAMES } from '../hyperparameters.ts';

/** Changes with every change of the window: what was made of another one is of no use. */
export const GOLDEN_MEL_VERSION = 1;

/** A normalised log-mel spectrogram lies between about -1 and 1.5, silence at its lower end. */
const SILENCE = -0.7;
const LOUDNESS = 2;
const SYLLABLE_FRAMES = 24;
/** Its last third is silent, as the end of most recordings is. */
const SPOKEN_FRAMES = (WINDOW_FRAMES * 2) / 3;
/** Where three formants of each of four vowels lie, as shares of the mel bands. */
const VOWELS = [
  [0.12, 0.3, 0.62],
  [0.2, 0.42, 0.66],
  [0.08, 0.52, 0.7],
  [0.14, 0.24, 0.58],
] as const;
const FORMANT_WIDTH = 0.05;

/**
 * Something like speech: syllables of moving formants over faint noise, then silence. An encoder
 * answers it with states that differ from frame to frame, so that a wrong one cannot be right by chance.
 *
 * @returns [1, nMels, 3000] row-major f32.
 */
export function goldenMel(nMels: number): Float32Array {
  const mel = new Float32Array(nMels * WINDOW_FRAMES);
  let seed = 1;
  for (let band = 0; band < nMels; band++) {
    for (let frame = 0; frame < WINDOW_FRAMES; frame++) {
      // The minimal standard generator (Park and Miller, 1988), exact in float64.
      seed = (seed * 48_271) % 2_147_483_647;
      const noise = 0.05 * (seed / 2_147_483_647);
      mel[band * WINDOW_FRAMES + frame] = SILENCE + noise + loudness(band / nMels, frame);
    }
  }
  return mel;
}

/** 0 for silence. */
function loudness(height: number, frame: number): number {
  if (frame >= SPOKEN_FRAMES) return 0;
  const syllable = Math.floor(frame / SYLLABLE_FRAMES);
  const within = (frame % SYLLABLE_FRAMES) / SYLLABLE_FRAMES;
  const from = VOWELS[syllable % VOWELS.length] ?? VOWELS[0];
  const to = VOWELS[(syllable * 3 + 1) % VOWELS.length] ?? VOWELS[0];
  // A triangle and rational bumps: no function whose last digit depends on the processor.
  const envelope = 1 - Math.abs(2 * within - 1);
  let level = 0;
  for (const [index, start] of from.entries()) {
    const centre = start + within * ((to[index] ?? start) - start);
    const distance = (height - centre) / FORMANT_WIDTH;
    level += 1 / ((1 + distance * distance) * (index + 1));
  }
  return LOUDNESS * envelope * level;
}
