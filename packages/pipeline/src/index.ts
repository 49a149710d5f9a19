/** Recordings in, timed text out: Whisper on ONNX Runtime, in pooled buffers. */

export {
  type InferenceCapabilities,
  type InferenceEngine,
  InferenceError,
  type InferenceErrorCode,
} from './inference/inference-port.ts';
export { openInferenceEngine } from './inference/open-engine.ts';
export { loadWhisper, type WhisperModel } from './model/load-whisper.ts';
export { ModelError, type ModelErrorCode } from './model/model-error.ts';
export {
  type Device,
  type Recording,
  type TranscribedWindow,
  type TranscribeOptions,
  type Transcription,
  transcribe,
} from './transcribe.ts';
export {
  createWindowPools,
  DEFAULT_LANES_PER_JOB,
  DEFAULT_POOL_LIMITS,
  type PoolLimits,
  type PoolName,
  slotsPerJob,
  WindowPools,
  type WindowPoolsOptions,
} from './window-pools.ts';
