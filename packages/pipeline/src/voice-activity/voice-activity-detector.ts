/** The seam of voice activity: PCM in, a probability of speech for every 32 ms out. */

/** One probability stands for so many samples: 32 ms. */
export const VAD_FRAME_SAMPLES = 512;
/**
 * Frames of one call: 1.024 s. A run of Silero costs 0.2 ms for one frame and 2.1 ms for 32 of them
 * (66 us a frame; 64 us when 64 go together), and an engine that blocks does so for that long.
 */
export const VAD_BATCH_FRAMES = 32;
export const VAD_BATCH_SAMPLES = VAD_BATCH_FRAMES * VAD_FRAME_SAMPLES; // 16,384

/**
 * Listens to one recording, from its begin to its end; what it remembers of it is its own. All
 * memory is there once it has been created.
 */
export interface VoiceActivityDetector extends Disposable {
  /**
   * The next batch of the recording; one call at a time.
   *
   * @param pcm [16384] f32 in [-1, 1]; zeros behind the recording's end.
   * @param out [32] f32 in [0, 1], written.
   * @throws InferenceError `run_failed`, or `aborted` when `signal` fires; the signal's reason
   *   where no native code runs.
   */
  detect(pcm: Float32Array, out: Float32Array, signal: AbortSignal): Promise<void>;
}

/** What is loaded once and shared by the detectors of all jobs. */
export interface VoiceActivityModel {
  readonly name: 'silero' | 'energy';
  createDetector(): VoiceActivityDetector;
  /** Waits for runs under way; no detector may be used after. */
  release(): Promise<void>;
}
