/** Connections to Redis, whose losses are logged once and not with every try to reconnect. */

import type { Logger } from '@amanuensis/log';
import { Redis } from 'ioredis';

const COMMAND_TIMEOUT_MS = 3_000;

/** For requests: a command fails at once while there is no connection, and soon if Redis hangs. */
export function connectProducer(redisUrl: string, logger: Logger): Redis {
  const options = { enableOfflineQueue: false, maxRetriesPerRequest: 1 };
  const redis = new Redis(redisUrl, { ...options, commandTimeout: COMMAND_TIMEOUT_MS });
  return logged(redis, logger);
}

/** For BullMQ workers, which wait for work and for Redis to come back. */
export function connectConsumer(redisUrl: string, logger: Logger): Redis {
  return logged(new Redis(redisUrl, { maxRetriesPerRequest: null }), logger);
}

function logged(redis: Redis, logger: Logger): Redis {
  let isLost = false;
  redis.on('error', (error) => {
    if (!isLost) logger.error({ err: error }, 'lost the connection to Redis');
    isLost = true;
  });
  redis.on('ready', () => {
    if (isLost) logger.info('connected to Redis again');
    isLost = false;
  });
  return redis;
}
