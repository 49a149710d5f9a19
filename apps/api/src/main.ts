#!/usr/bin/env node
/** The API process. */

import { ConfigError } from '@amanuensis/config';
import { createLogger, exitOnUncaught } from '@amanuensis/log';
import { startApi } from './api-server.ts';
import { loadApiConfig } from './config.ts';

try {
  const config = loadApiConfig({ env: process.env, cwd: process.cwd() });
  const logger = createLogger('api', config.logLevel);
  exitOnUncaught(logger);
  const api = await startApi(config, logger);
  logger.info({ url: api.url, models: config.models }, 'listening');
  process.send?.({ type: 'ready', url: api.url });

  let isStopping = false;
  const stop = async (reason: string) => {
    if (isStopping) return;
    isStopping = true;
    logger.info({ reason }, 'stopping');
    const isClean = await api.close();
    logger.info({ isClean }, 'stopped');
    process.exit(isClean ? 0 : 1);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  // Whoever started this process with a channel is gone, and nobody else would end it.
  process.on('disconnect', () => stop('the parent process ended'));
  if (process.send !== undefined && !process.connected) await stop('the parent process ended');
} catch (error) {
  process.stderr.write(
    `${error instanceof ConfigError ? error.message : (error as Error).stack}\n`,
  );
  process.exit(1);
}
