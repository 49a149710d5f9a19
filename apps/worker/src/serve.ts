/** The supervisor of this machine's devices: starts them, keeps them alive, drains on a signal. */

import type { ConfigSource } from '@amanuensis/config';
import { createLogger, exitOnUncaught } from '@amanuensis/log';
import { loadWorkerConfig } from './config.ts';
import { findDevices } from './devices.ts';
import { Supervisor } from './supervisor.ts';

/** A job or a slot of a pool was not given back. */
const EXIT_UNCLEAN = 1;

/**
 * Resolves when the devices are found and start; the process goes on until it is asked to leave.
 *
 * @throws ConfigError, DeviceError.
 */
export async function serve(source: ConfigSource): Promise<void> {
  const config = loadWorkerConfig(source);
  const log = createLogger('worker', config.logLevel);
  exitOnUncaught(log);
  const { devices, notes } = await findDevices(config);
  for (const { npu, text } of notes) log.warn({ npu: npu.address }, `NPU is not used: it ${text}`);
  const supervisor = new Supervisor(devices, config, log);

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

  const onUseless = (reason: string): void => {
    log.fatal({ reason }, 'no device is left');
    leave('no device is left', 1);
  };
  supervisor.start(onUseless).then(
    (ready) => {
      log.info({ devices: ready }, 'ready');
      const { drainTimeoutSeconds } = config;
      process.send?.({ type: 'ready', devices: ready, drainTimeoutSeconds });
    },
    (err: unknown) => {
      log.fatal({ err }, 'cannot start');
      leave('it cannot start', 1);
    },
  );
}
