/** Triangular mel filters on Slaney's scale, each of area one (librosa's `mel`), as sparse rows. */

export interface MelFilter {
  /** Bin of the transform that the first weight belongs to. */
  readonly firstBin: number;
  readonly weights: readonly number[];
}

/** Slaney's scale: linear below 1 kHz (15 mels), logarithmic above. */
const LINEAR_HZ_PER_MEL = 200 / 3;
const LOG_START_HZ = 1000;
const LOG_START_MEL = LOG_START_HZ / LINEAR_HZ_PER_MEL;
const LOG_STEP = Math.log(6.4) / 27;

/** Filters from 0 Hz to half the sample rate over the bins of a transform of `nFft` samples. */
export function melFilterbank(sampleRateHz: number, nFft: number, nMels: number): MelFilter[] {
  const topMel = hzToMel(sampleRateHz / 2);
  const edgeHz = (index: number): number => melToHz((topMel * index) / (nMels + 1));
  return Array.from({ length: nMels }, (_, index) => {
    const [lowHz, peakHz, highHz] = [edgeHz(index), edgeHz(index + 1), edgeHz(index + 2)];
    const weights: number[] = [];
    let firstBin = 0;
    for (let bin = 0; bin <= nFft / 2; bin++) {
      const hz = (bin * sampleRateHz) / nFft;
      const rising = (hz - lowHz) / (peakHz - lowHz);
      const falling = (highHz - hz) / (highHz - peakHz);
      const weight = (Math.min(rising, falling) * 2) / (highHz - lowHz);
      if (weight <= 0) continue;
      if (weights.length === 0) firstBin = bin;
      weights.push(weight);
    }
    return { firstBin, weights };
  });
}

function hzToMel(hz: number): number {
  if (hz < LOG_START_HZ) return hz / LINEAR_HZ_PER_MEL;
  return LOG_START_MEL + Math.log(hz / LOG_START_HZ) / LOG_STEP;
}

function melToHz(mel: number): number {
  if (mel < LOG_START_MEL) return mel * LINEAR_HZ_PER_MEL;
  return LOG_START_HZ * Math.exp((mel - LOG_START_MEL) * LOG_STEP);
}
