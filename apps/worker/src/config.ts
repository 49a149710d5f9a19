/** Everything that an operator may set about the worker, with defaults that fit a small machine. */

import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type ConfigEntry,
  ConfigError,
  type ConfigSource,
  describeConfig,
  loadConfig,
} from '@amanuensis/config';
import { MAX_HYPOTHESES, modelNameSchema } from '@amanuensis/contract';
import {
  DEFAULT_LANES_PER_JOB,
  DEFAULT_POOL_LIMITS,
  type PoolName,
  PRECISIONS,
} from '@amanuensis/pipeline';
import { z } from 'zod';
import { lockFolder } from './device-lock.ts';
import { deviceSchema } from './devices-config.ts';

/** The folder that holds `apps`, `packages` and `models`: the same from `src` and from `dist`. */
const INSTALLATION_ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/**
 * A timer of Node.js counts milliseconds in 31 bits, and fires at once beyond; here and in
 * `amanuensis up` some seconds of grace come on top of what is set.
 */
const MAX_SECONDS = 2_147_000;

const seconds = z
  .number()
  .positive()
  .max(MAX_SECONDS, `must not be above ${MAX_SECONDS} seconds, which is 24 days`);
/** A pool's slots; where only `max` is set, `initial` is as many of its default as fit. */
function poolLimit(name: PoolName) {
  const usual = DEFAULT_POOL_LIMITS[name];
  return z
    .strictObject({ initial: z.int().min(0).optional(), max: z.int().min(1).default(usual.max) })
    .transform(({ initial, max }) => ({ initial: initial ?? Math.min(usual.initial, max), max }))
    .refine(({ initial, max }) => initial <= max, 'initial must not be above max')
    .prefault({});
}

const precision = z.enum(PRECISIONS);

const shape = {
  /** Models that this machine serves: name → folder as Hugging Face publishes it. */
  models: z
    .record(modelNameSchema, z.string())
    .refine((models) => Object.keys(models).length > 0, 'must name at least one model')
    .default({ demo: resolve(INSTALLATION_ROOT, 'models/demo') }),
  /** Of the weights on the CPU: of all models, or of each by its name; float32 of those not named. */
  precision: z
    .union([precision, z.record(modelNameSchema, precision)], {
      error: `must be ${PRECISIONS.join(' or ')}, or name one of them for each model`,
    })
    .default('float32'),
  /** Folder of the voice activity model; a detector by energy where there is none. */
  voiceActivityModel: z.string().default(resolve(INSTALLATION_ROOT, 'models/vad')),
  /** Slots of each pool of each model. How many jobs run at once follows from them. */
  pools: z
    .strictObject({
      audio: poolLimit('audio'),
      mel: poolLimit('mel'),
      encoder_output: poolLimit('encoder_output'),
      kv_cache: poolLimit('kv_cache'),
    })
    .prefault({}),
  /** Slots beyond a pool's `initial` give their memory back when they are unused for this long. */
  poolIdleSeconds: seconds.default(600),
  /**
   * Hypotheses that a job may follow and windows that it may work on at once: `beam_size`, `best_of`
   * and the batched mode are limited by it, and each job keeps so many slots of each pool in reserve.
   */
  lanesPerJob: z.int().min(1).max(MAX_HYPOTHESES).default(DEFAULT_LANES_PER_JOB),
  /** Refused: see the message. */
  concurrency: z
    .never('cannot be set: it is computed from the pools, so that none of them can run out')
    .optional(),
  /**
   * What jobs run on. `auto`: each NPU that works, else the CPU. A list names them all, and each of
   * them must be there.
   */
  devices: z.union([z.literal('auto'), z.array(deviceSchema).min(1)]).default('auto'),
  /** With `devices: auto`, how many devices the CPU is; what fits its cores where it is not set. */
  cpuDevices: z.int().min(0).optional(),
  /** CPU threads that one run of the encoder or the decoder may use; a device's share of the cores. */
  threadsPerRun: z.int().min(1).optional(),
  /** Refuses to start without an NPU that works. */
  requireNpu: z
    .union([z.boolean(), z.literal([0, 1])])
    .transform(Boolean)
    .default(false),
  /** AMD's Ryzen AI installation, with the ONNX Runtime that an NPU needs. */
  ryzenAiFolder: z.string().optional(),
  /** Further options of AMD's execution provider, in its own words. */
  vitisAiOptions: z.record(z.string(), z.coerce.string()).default({}),
  /** Graphs, converted weights and golden results; may be deleted, and is made anew. */
  cacheFolder: z.string().optional(),
  /** Where the devices of this machine are locked: the same for all its workers. */
  lockFolder: z.string().default(lockFolder()),
  /** Where `/sys`, `/dev` and `/proc` are looked for: another folder in some containers. */
  systemRoot: z.string().default('/'),
  /** How ONNX Runtime is reached; the fastest way that works here where it is not set. */
  inferenceEngine: z.enum(['c-api', 'node-binding']).optional(),
  /** Another build of the ONNX Runtime library. */
  onnxruntimeLibrary: z.string().optional(),
  /** Longer recordings are refused with `audio_too_long`. */
  maxDurationSeconds: seconds.default(4 * 3600),
  /** One attempt of a job may take this long. */
  jobTimeoutSeconds: seconds.default(2 * 3600),
  /** A job whose worker does not renew its lock for this long is given to another worker. */
  lockSeconds: seconds.min(1).default(30),
  /** A device worker that is silent for this long is killed and replaced. */
  heartbeatTimeoutSeconds: seconds.min(1).default(15),
  /** Loading the models and allocating the pools may take this long. */
  startTimeoutSeconds: seconds.default(300),
  /** Compiling a model for an NPU, or waiting until another process has, may take this long. */
  compileTimeoutSeconds: seconds.default(3600),
  /** A device that another worker holds is waited for this long. */
  deviceLockTimeoutSeconds: seconds.default(30),
  /** Running jobs may take this long to finish at shutdown; then they go back to their queue. */
  drainTimeoutSeconds: seconds.default(20),
};

/** Variables that platforms and AMD's set-up set. */
const ALIASES = { REQUIRE_NPU: 'requireNpu', RYZEN_AI_INSTALLATION_PATH: 'ryzenAiFolder' };

export type WorkerConfig = ReturnType<typeof loadWorkerConfig>;
/** The same where there may be no Redis, which most of it does without. */
export type WorkerSettings = ReturnType<typeof readWorkerSettings>;

/** Of a model's weights where they run on the CPU. */
export function precisionOf(model: string, { precision }: Pick<WorkerConfig, 'precision'>) {
  return typeof precision === 'string' ? precision : (precision[model] ?? 'float32');
}

/** @throws ConfigError that names every setting that is wrong. */
export function loadWorkerConfig(source: ConfigSource) {
  const { redisUrl, ...settings } = readWorkerSettings(source);
  if (redisUrl === undefined) {
    throw new ConfigError([
      'redisUrl: is needed (REDIS_URL); `amanuensis up` starts a Redis of its own without it',
    ]);
  }
  return Object.freeze({ ...settings, redisUrl });
}

/** @throws ConfigError that names every setting that is wrong. */
export function readWorkerSettings(source: ConfigSource) {
  const { models, voiceActivityModel, cacheFolder, ...rest } = loadConfig(
    'worker',
    shape,
    source,
    ALIASES,
  );
  const named = typeof rest.precision === 'string' ? [] : Object.keys(rest.precision);
  const unknown = named.filter((name) => models[name] === undefined);
  if (unknown.length > 0) {
    throw new ConfigError(unknown.map((name) => `precision.${name}: no model has this name`));
  }
  const folders = Object.entries(models).map(([name, path]) => [name, resolve(source.cwd, path)]);
  return Object.freeze({
    ...rest,
    cacheFolder: resolve(source.cwd, cacheFolder ?? `${rest.dataFolder}/cache`),
    voiceActivityModel: resolve(source.cwd, voiceActivityModel),
    models: Object.freeze(Object.fromEntries(folders) as Record<string, string>),
  });
}

/** Each value with where it comes from, in the order of their keys. */
export function describeWorkerSettings(source: ConfigSource): readonly ConfigEntry[] {
  // What is not set has its place in the list all the same.
  const keys = Object.keys(shape).filter((key) => key !== 'concurrency');
  const unset = Object.fromEntries(['redisUrl', ...keys].map((key) => [key, undefined]));
  const settings = { ...unset, ...readWorkerSettings(source) };
  return describeConfig(settings, { section: 'worker', shape, aliases: ALIASES }, source);
}
