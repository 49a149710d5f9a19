/** The configuration of the API. */

import { ConfigError, type ConfigSource, loadConfig } from '@amanuensis/config';
import { modelNameSchema } from '@amanuensis/contract';
import { z } from 'zod';
import { webhookSecretSchema } from './webhooks/secret.ts';

const DAY_S = 86_400;

const shape = {
  /** Loopback by default: whoever reaches the port may submit jobs and administer the queues. */
  host: z.string().default('127.0.0.1'),
  /** 0 takes a free one, which the log and the `ready` message name. */
  port: z.int().min(0).max(65_535).default(3000),
  maxUploadBytes: z
    .int()
    .min(1)
    .default(2 * 1024 ** 3),
  /** Models that jobs may ask for; each has a queue of its own. */
  models: z.array(modelNameSchema).min(1).default(['demo']),
  /** The first of `models` where it is not set. */
  defaultModel: modelNameSchema.optional(),
  /** Signs the webhooks; made at the first start and kept in the data folder where it is not set. */
  webhookSecret: webhookSecretSchema.optional(),
  /** `host:port` of webhook receivers that may have a private address. */
  webhookAllowedHosts: z
    .array(z.string().regex(/^(?:\[[\da-f:.]+\]|[^\s:/@]+):\d{1,5}$/i, 'must be host:port'))
    .default([]),
  /** How long finished jobs can be asked for; longer than webhooks are tried (about three days). */
  keepCompletedSeconds: z
    .int()
    .min(1)
    .default(7 * DAY_S),
  keepFailedSeconds: z
    .int()
    .min(1)
    .default(7 * DAY_S),
};

export type ApiConfig = ReturnType<typeof loadApiConfig>;

/** @throws ConfigError */
export function loadApiConfig(source: ConfigSource) {
  const config = loadConfig('api', shape, source);
  const { redisUrl, models, defaultModel = models[0] } = config;
  if (redisUrl === undefined) {
    throw new ConfigError([
      'redisUrl: set REDIS_URL to the Redis of the queue, or start everything with ' +
        '`amanuensis up`, which brings its own',
    ]);
  }
  if (defaultModel === undefined || !models.includes(defaultModel)) {
    throw new ConfigError([`defaultModel: ${defaultModel} is not one of models`]);
  }
  return Object.freeze({ ...config, redisUrl, defaultModel });
}
