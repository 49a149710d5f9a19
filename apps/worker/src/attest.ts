/** Proves that a device computes what it should, before it takes a job. */

import type { Attestation } from '@amanuensis/contract';
import type { Logger } from '@amanuensis/log';
import { cosineSimilarity, goldenMel, melToHiddenStates } from '@amanuensis/pipeline';
import { goldenOf } from './attest-golden.ts';
import type { WorkerConfig } from './config.ts';
import type { Device } from './device.ts';
import { DeviceRefused } from './device-refused.ts';
import type { LoadedModel } from './load-models.ts';

/**
 * Of the hidden states with the golden ones. What mistakes leave, with the demonstration model and
 * with whisper-base: 0.959 and 0.915 for states that come one frame too late, 0.984 and 0.989 when
 * the last three in a hundred are missing, less for another window. What rounding leaves: runs with
 * one thread and with two are the same to the last bit; 1 - 2e-6 and 1 - 3.5e-5 where the window is
 * cut to BF16, 1 - 7e-4 with weights in int8. What a whole encoder in BF16 leaves, on an NPU, nobody
 * here has measured.
 */
const MIN_COSINE = { float32: 0.999, reduced: 0.99 };

const OWNER = 'attestation';

export interface AttestOptions {
  readonly device: Device;
  readonly config: Pick<WorkerConfig, 'models' | 'cacheFolder' | 'requireNpu'>;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/**
 * Sends the golden window through the encoder, in slots of the pools, as a job's windows go.
 *
 * @throws DeviceRefused when the result is not alike enough, or when nothing runs on the accelerator;
 *   InferenceError when the run fails; Error when there is no golden result.
 */
export async function attest(
  { whisper, pools, compiled }: LoadedModel,
  { device, config, signal, log }: AttestOptions,
): Promise<Attestation> {
  const { name: model, fingerprint, executionProvider } = whisper;
  const modelFolder = config.models[model];
  if (modelFolder === undefined) throw new Error(`${model} is not configured`);
  const placement = compiled?.placement ?? null;
  checkPlacement(device, config, placement, log);
  const golden = await goldenOf({
    modelFolder,
    fingerprint,
    cacheFolder: config.cacheFolder,
    threads: device.threads,
    signal,
    log,
  });
  using slots = pools.acquire(OWNER);
  const { mel, hiddenStates } = slots.window(0);
  mel.data.set(goldenMel(whisper.dimensions.nMels));
  const startedAt = performance.now();
  await melToHiddenStates(pools.encoder, mel, hiddenStates, signal);
  const ms = Math.round(performance.now() - startedAt);
  const cosine = cosineSimilarity(golden, hiddenStates.data as Float32Array);
  const isInt8 = device.accelerator === undefined && whisper.precision === 'int8';
  const isReduced = device.kind === 'npu' || isInt8;
  const minCosine = isReduced ? MIN_COSINE.reduced : MIN_COSINE.float32;
  const attestation: Attestation = {
    model,
    executionProvider,
    cosine,
    minCosine,
    ms,
    placement,
    compileMs: compiled?.compileMs ?? null,
  };
  // Not `<`: the cosine of what holds a NaN is one.
  if (!(cosine >= minCosine)) {
    log.error(attestation, 'device is not attested');
    throw new DeviceRefused(
      `its encoder of ${model} (${executionProvider}) is wrong: the cosine with the golden result ` +
        `is ${cosine.toFixed(6)}, and must be ${minCosine} at least`,
    );
  }
  log.info(attestation, 'device is attested');
  return attestation;
}

/** A session is loaded happily when its provider takes no node of it. */
function checkPlacement(
  { kind }: Device,
  { requireNpu }: AttestOptions['config'],
  placement: Attestation['placement'],
  log: Logger,
): void {
  if (kind !== 'npu') return;
  if (placement === null) {
    const text = 'its execution provider does not report which nodes run on the NPU';
    if (requireNpu) throw new DeviceRefused(`${text}, and requireNpu is set`);
    log.warn(text);
  } else if (placement.acceleratedNodes === 0) {
    throw new DeviceRefused(`all ${placement.nodes} nodes of the encoder run on the CPU`);
  }
}
