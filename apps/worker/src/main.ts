#!/usr/bin/env node
/** The supervisor of this machine's devices: starts them, keeps them alive, drains on a signal. */

import { ConfigError } from '@amanuensis/config';
import { createLogger, exitOnUncaught } from '@amanuensis/log';
import { loadWorkerConfig } from './config.ts';
import { findDevices } from './devices.ts';
import { Supervisor } from './supervisor.ts';

/** What a shell calls a command that was used wrongly. */
const EXIT_USAGE = 2;
/** A job or a slot of a pool was not given back. */
const EXIT_UNCLEAN = 1;

try {
  const config = loadWorkerConfig({ env: process.env, cwd: process.cwd() });
  const log = createLogger('worker', config.logLevel);
  exitOnUncaught(log);
  const supervisor = new Supervisor(findDevices(), config, log);

  const reasons = new Set<string>();
  const leave = (why: string, exitCode: number): void => {
    // Not for two different reasons: a terminal and `amanuensis up` may both ask, once each.
    if (reasons.has(why)) {
      log.warn({ why }, 'asked twice: leaves at once');
      supervisor.kill();
      process.exit(1);
    }
    reasons.add(why);
    if (reasons.size > 1) return;
    log.info({ why, timeoutSeconds: config.drainTimeoutSeconds }, 'drains');
    void supervisor.drain().then((isClean) => {
      log.info({ isClean }, 'drained');
      process.exit(isClean ? exitCode : EXIT_UNCLEAN);
    });
  };
  process.on('SIGTERM', () => leave('SIGTERM', 0));
  process.on('SIGINT', () => leave('SIGINT', 0));
  // Whoever started this process is gone (`amanuensis up`, a test): nobody else will end it.
  process.once('disconnect', () => leave('its parent left', 0));
  if (process.send !== undefined && !process.connected) leave('its parent left', 0);

  supervisor.start().then(
    (devices) => {
      log.info({ devices }, 'ready');
      const { drainTimeoutSeconds } = config;
      process.send?.({ type: 'ready', devices, drainTimeoutSeconds });
    },
    (err: unknown) => {
      log.fatal({ err }, 'cannot start');
      leave('it cannot start', 1);
    },
  );
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = EXIT_USAGE;
}
