/** Tells the fleet how this device is: one expiring record in Redis, renewed every few seconds. */

import {
  DEVICE_SET_KEY,
  DEVICE_STATUS_INTERVAL_MS,
  DEVICE_STATUS_TTL_MS,
  type DeviceStatus,
  deviceStatusKey,
} from '@amanuensis/contract';
import type { Logger } from '@amanuensis/log';
import { Redis } from 'ioredis';

export class DeviceReport {
  readonly #redis: Redis;
  readonly #status: () => DeviceStatus;
  readonly #log: Logger;
  readonly #workerId: string;
  readonly #timer: NodeJS.Timeout;
  #failing = false;

  /** Reports regularly from now on. */
  constructor(redisUrl: string, status: () => DeviceStatus, log: Logger) {
    // A report that cannot be written now is worth nothing later: the next one follows.
    this.#redis = new Redis(redisUrl, { maxRetriesPerRequest: 1 });
    this.#redis.on('error', (err) => this.#complain(err));
    this.#status = status;
    this.#workerId = status().workerId;
    this.#log = log;
    this.#timer = setInterval(() => void this.write(), DEVICE_STATUS_INTERVAL_MS);
  }

  async write(): Promise<void> {
    const report = JSON.stringify(this.#status());
    try {
      await this.#redis
        .multi()
        .set(deviceStatusKey(this.#workerId), report, 'PX', DEVICE_STATUS_TTL_MS)
        .sadd(DEVICE_SET_KEY, this.#workerId)
        .exec();
      this.#failing = false;
    } catch (error) {
      this.#complain(error);
    }
  }

  /** The device leaves the fleet. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    try {
      await this.#redis
        .multi()
        .del(deviceStatusKey(this.#workerId))
        .srem(DEVICE_SET_KEY, this.#workerId)
        .exec();
    } catch (error) {
      this.#complain(error);
    }
    this.#redis.disconnect();
  }

  /** Once for each time that Redis goes away. */
  #complain(err: unknown): void {
    if (!this.#failing) this.#log.warn({ err }, 'the device report cannot be written');
    this.#failing = true;
  }
}
