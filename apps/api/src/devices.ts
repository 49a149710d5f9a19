/** The device workers of the fleet, as they report themselves in Redis. */

import {
  DEVICE_SET_KEY,
  type DeviceStatus,
  deviceStatusKey,
  deviceStatusSchema,
} from '@amanuensis/contract';
import type { Redis } from 'ioredis';

export interface Fleet {
  readonly devices: readonly DeviceStatus[];
  /** Ids of workers that stopped reporting without taking leave. */
  readonly lostWorkerIds: readonly string[];
}

export async function readFleet(redis: Redis): Promise<Fleet> {
  const workerIds = (await redis.smembers(DEVICE_SET_KEY)).sort();
  const reports = workerIds.length === 0 ? [] : await redis.mget(workerIds.map(deviceStatusKey));
  const devices: DeviceStatus[] = [];
  const lostWorkerIds: string[] = [];
  for (const [index, workerId] of workerIds.entries()) {
    const device = parseReport(reports[index]);
    if (device === null) lostWorkerIds.push(workerId);
    else devices.push(device);
  }
  return { devices, lostWorkerIds };
}

/** A report that cannot be read tells as little as none. */
function parseReport(report: string | null | undefined): DeviceStatus | null {
  if (report === null || report === undefined) return null;
  try {
    return deviceStatusSchema.parse(JSON.parse(report));
  } catch {
    return null;
  }
}
