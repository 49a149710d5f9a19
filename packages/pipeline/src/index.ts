/** Recordings in, timed text out: Whisper on ONNX Runtime, in pooled buffers. */

export { cosineSimilarity } from './attestation/cosine-similarity.ts';
export { goldenHiddenStates } from './attestation/golden-hidden-states.ts';
export { GOLDEN_MEL_VERSION, goldenMel } from './attestation/golden-mel.ts';
export { type Checkpoint, checkpointSchema } from './checkpoint.ts';
export type { Device } from './device.ts';
export {
  type CompiledSession,
  type CompileProgress,
  openCompiled,
  PLACEMENT_REPORT,
} from './inference/compile-cache.ts';
export { type FileLock, lockFile } from './inference/file-lock.ts';
export {
  type ExecutionProvider,
  type InferenceCapabilities,
  type InferenceEngine,
  InferenceError,
  type InferenceErrorCode,
} from './inference/inference-port.ts';
export { openInferenceEngine } from './inference/open-engine.ts';
export { packagedLibraryPath } from './inference/packaged-library.ts';
export type { Placement } from './inference/placement.ts';
export type { PoolName } from './job-slots.ts';
export { melToHiddenStates } from './mel-to-hidden-states.ts';
export { PRECISIONS, type Precision } from './model/convert-weights.ts';
export { type LoadOptions, loadWhisper, type WhisperModel } from './model/load-whisper.ts';
export { ModelError, type ModelErrorCode } from './model/model-error.ts';
export {
  type Recording,
  type TranscribedPart,
  type TranscribeOptions,
  type Transcription,
  transcribe,
} from './transcribe.ts';
export type { HeardWindow } from './transcribe-window.ts';
export { loadVoiceActivity } from './voice-activity/load-voice-activity.ts';
export type { VoiceActivityModel } from './voice-activity/voice-activity-detector.ts';
export {
  createWindowPools,
  DEFAULT_LANES_PER_JOB,
  DEFAULT_POOL_LIMITS,
  type PoolLimits,
  slotsPerJob,
  WindowPools,
  type WindowPoolsOptions,
} from './window-pools.ts';
