/** Tells the fleet of a device that is there and not used, as long as its supervisor lives. */

import { hostname } from 'node:os';
import type { DeviceStatus } from '@amanuensis/contract';
import type { Logger } from '@amanuensis/log';
import type { WorkerConfig } from './config.ts';
import type { Device } from './device.ts';
import { DeviceReport } from './device-report.ts';

export interface RefusedDevice {
  readonly device: Device;
  /** As its device worker reported: it takes the place of that report. */
  readonly workerId: string;
  readonly reason: string;
}

export function reportRefusal(
  { device, workerId, reason }: RefusedDevice,
  { redisUrl }: WorkerConfig,
  log: Logger,
): DeviceReport {
  const startedAtMs = Date.now();
  const status = (): DeviceStatus => ({
    workerId,
    device: device.name,
    executionProvider: 'none',
    host: hostname(),
    pid: process.pid,
    models: [],
    concurrency: 0,
    jobsActive: 0,
    state: 'refused',
    refusal: reason,
    attestations: [],
    startedAtMs,
    reportedAtMs: Date.now(),
    pools: [],
  });
  const report = new DeviceReport(redisUrl, status, log.child({ device: device.name }));
  void report.write();
  return report;
}
