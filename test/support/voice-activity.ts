/** Runs a detector over a whole recording. */

import {
  SEQUENTIAL_SPANS,
  type SpeechSpanOptions,
} from '../../packages/pipeline/src/voice-activity/speech-span-options.ts';
import {
  type SpeechSpan,
  speechSpans,
} from '../../packages/pipeline/src/voice-activity/speech-spans.ts';
import {
  VAD_BATCH_FRAMES,
  VAD_BATCH_SAMPLES,
  VAD_FRAME_SAMPLES,
  type VoiceActivityDetector,
} from '../../packages/pipeline/src/voice-activity/voice-activity-detector.ts';

const NEVER = new AbortController().signal;

/** One probability for each 512 samples, the last of them perhaps not whole. */
export async function probabilitiesOf(
  detector: VoiceActivityDetector,
  pcm: Float32Array,
): Promise<Float32Array> {
  const nFrames = Math.ceil(pcm.length / VAD_FRAME_SAMPLES);
  const all = new Float32Array(nFrames + VAD_BATCH_FRAMES);
  const batch = new Float32Array(VAD_BATCH_SAMPLES);
  for (let at = 0; at < pcm.length; at += VAD_BATCH_SAMPLES) {
    batch.fill(0);
    batch.set(pcm.subarray(at, at + VAD_BATCH_SAMPLES));
    const frame = at / VAD_FRAME_SAMPLES;
    await detector.detect(batch, all.subarray(frame, frame + VAD_BATCH_FRAMES), NEVER);
  }
  return all.subarray(0, nFrames);
}

export async function spansOf(
  detector: VoiceActivityDetector,
  pcm: Float32Array,
  options: SpeechSpanOptions = SEQUENTIAL_SPANS,
): Promise<SpeechSpan[]> {
  return speechSpans(await probabilitiesOf(detector, pcm), pcm.length, options);
}

/** White noise in [-1, 1], the same for the same seed. */
export function noise(seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) >>> 0;
  return () => {
    // xorshift32, which never leaves 0.
    state = (state || 1) ^ ((state || 1) << 13);
    state ^= state >>> 17;
    state = (state ^ (state << 5)) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

/** The samples of a mono WAV of 16-bit integers whose header is the plain 44 bytes or a little more. */
export function wavToPcm(wav: Buffer): Float32Array {
  const data = wav.indexOf('data') + 8;
  const nSamples = Math.min(wav.readUInt32LE(data - 4), wav.length - data) >> 1;
  return Float32Array.from({ length: nSamples }, (_, i) => wav.readInt16LE(data + 2 * i) / 32768);
}
