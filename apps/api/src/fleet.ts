/** The device workers of the fleet, as they report themselves in Redis. */

import {
  DEVICE_SET_KEY,
  type DeviceStatus,
  deviceStatusKey,
  deviceStatusSchema,
} from '@amanuensis/contract';
import type { Redis } from 'ioredis';

/** A worker that died never takes leave; after this long its loss is old news. */
const LOSS_IS_TOLD_MS = 3_600_000;

export interface FleetStatus {
  readonly devices: readonly DeviceStatus[];
  /** Ids of workers that stopped reporting without taking leave. */
  readonly lostWorkerIds: readonly string[];
}

export class Fleet {
  readonly #redis: Redis;
  readonly #now: () => number;
  readonly #lostSinceMs = new Map<string, number>();

  constructor(redis: Redis, now = Date.now) {
    this.#redis = redis;
    this.#now = now;
  }

  async read(): Promise<FleetStatus> {
    const ids = (await this.#redis.smembers(DEVICE_SET_KEY)).sort();
    const reports = ids.length === 0 ? [] : await this.#redis.mget(ids.map(deviceStatusKey));
    const found = ids.map((id, index) => ({ id, device: parseReport(reports[index]) }));
    const devices = found.flatMap(({ device }) => device ?? []);
    const lost = found.filter(({ device }) => device === null).map(({ id }) => id);
    return { devices, lostWorkerIds: await this.#forgetOld(lost) };
  }

  async #forgetOld(lost: readonly string[]): Promise<string[]> {
    for (const id of this.#lostSinceMs.keys()) if (!lost.includes(id)) this.#lostSinceMs.delete(id);
    const recent: string[] = [];
    for (const id of lost) {
      const sinceMs = this.#lostSinceMs.get(id) ?? this.#now();
      this.#lostSinceMs.set(id, sinceMs);
      if (this.#now() - sinceMs < LOSS_IS_TOLD_MS) recent.push(id);
      else await this.#redis.srem(DEVICE_SET_KEY, id);
    }
    return recent;
  }
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
