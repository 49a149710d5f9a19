/** Opens the inference engine and loads each model with the pools that all of its jobs share. */

import type { Logger } from '@amanuensis/log';
import {
  type CompiledSession,
  createWindowPools,
  type InferenceEngine,
  loadVoiceActivity,
  loadWhisper,
  openInferenceEngine,
  slotsPerJob,
  type VoiceActivityModel,
  type WhisperModel,
  type WindowPools,
} from '@amanuensis/pipeline';
import { concurrencyFor } from '@amanuensis/pool';
import { precisionOf, type WorkerConfig } from './config.ts';
import type { Device } from './device.ts';
import { encoderOpener } from './open-encoder.ts';

/** A job that is out of time may take this long to stop: a native run ends first, then the slots. */
const LEASE_GRACE_MS = 60_000;

export interface LoadedModel {
  readonly whisper: WhisperModel;
  readonly pools: WindowPools;
  readonly voiceActivity: VoiceActivityModel;
  /** How its encoder was compiled; null where the device needs none compiled. */
  readonly compiled: Omit<CompiledSession, 'session'> | null;
  /** Jobs of this model that can run at once without any of its pools running out. */
  readonly concurrency: number;
}

export interface LoadModelsOptions {
  readonly device: Device;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Called once, when a model has to be compiled. */
  readonly onCompiling: () => void;
}

/**
 * Logs each pool, its bytes and the total.
 *
 * The address space of every slot up to `max` is reserved here, and slots up to `initial` are made.
 * Each further slot comes when it is first used and goes when it is idle; what binds a slot to the
 * model's sessions stays. Nothing goes beyond `max`. A slot that is held for longer than a job may
 * take counts as leaked.
 */
export async function loadModels(
  config: WorkerConfig,
  options: LoadModelsOptions,
): Promise<LoadedModel[]> {
  const { device, log } = options;
  const libraryPath = device.accelerator?.library ?? config.onnxruntimeLibrary;
  const engine = await openInferenceEngine({
    ...(config.inferenceEngine && { prefer: config.inferenceEngine }),
    ...(libraryPath && { libraryPath }),
  });
  const { name, version, capabilities } = engine;
  log.info({ engine: name, onnxruntime: version, capabilities }, 'inference engine is open');
  const voiceActivity = await loadVoiceActivity(config.voiceActivityModel, engine);
  log.info({ voiceActivity: voiceActivity.name }, 'voice activity model is loaded');
  const loaded: LoadedModel[] = [];
  for (const model of device.models) {
    loaded.push({ ...(await loadModel(model, { ...options, engine, config })), voiceActivity });
  }
  return loaded;
}

interface LoadParts extends LoadModelsOptions {
  readonly engine: InferenceEngine;
  readonly config: WorkerConfig;
}

async function loadModel(
  name: string,
  parts: LoadParts,
): Promise<Omit<LoadedModel, 'voiceActivity'>> {
  const { device, engine, config, log } = parts;
  const { lanesPerJob, pools: limits, poolIdleSeconds, jobTimeoutSeconds } = config;
  const folder = config.models[name];
  if (folder === undefined) throw new Error(`${name} is not configured`);
  const startedAt = performance.now();
  const encoder = encoderOpener(name, parts);
  const whisper = await loadWhisper(folder, engine, {
    name,
    intraOpThreads: device.threads,
    precision: precisionOf(name, config),
    cacheFolder: config.cacheFolder,
    ...(encoder && { openEncoder: encoder.open }),
  });
  const pools = await createWindowPools(whisper, limits, {
    lanesPerJob,
    idleMs: poolIdleSeconds * 1000,
    maxLeaseMs: jobTimeoutSeconds * 1000 + LEASE_GRACE_MS,
    onLeak: ({ pool, slot, owner, ageMs }) =>
      log.warn({ model: name, pool, slot, owner, ageMs }, 'slot leaked'),
  });
  const concurrency = concurrencyFor(pools.all, slotsPerJob(lanesPerJob));
  for (const pool of pools.all) {
    const { max, slotBytes } = pool;
    const { allocations, bytesCommitted } = pool.stats();
    const sizes = { allocations, bytesCommitted, max, slotBytes, bytesMax: max * slotBytes };
    log.info({ model: name, pool: pool.name, ...sizes }, 'pool is allocated');
  }
  const ms = Math.round(performance.now() - startedAt);
  const { precision } = whisper;
  const loaded = { model: name, folder, precision, bytesMax: pools.bytesMax, concurrency, ms };
  log.info(loaded, 'model is loaded');
  return { whisper, pools, concurrency, compiled: encoder?.compiled() ?? null };
}
