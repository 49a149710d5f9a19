/** Runs one device worker process for each device, and ends them all with itself. */

import { hostname } from 'node:os';
import type { Logger } from '@amanuensis/log';
import type { WorkerConfig } from './config.ts';
import type { ReadyDevice } from './device-messages.ts';
import type { Device } from './devices.ts';
import { SupervisedDevice } from './supervised-device.ts';

export class Supervisor {
  readonly #devices: readonly Device[];
  readonly #config: WorkerConfig;
  readonly #log: Logger;
  #supervised: readonly SupervisedDevice[] = [];

  constructor(devices: readonly Device[], config: WorkerConfig, log: Logger) {
    this.#devices = devices;
    this.#config = config;
    this.#log = log;
  }

  /**
   * Starts all; resolves when every device takes jobs.
   *
   * @throws Error when a device failed each time it was started.
   */
  start(): Promise<readonly ReadyDevice[]> {
    return new Promise((resolve, reject) => {
      const ready = new Map<string, ReadyDevice>();
      const onReady = (report: ReadyDevice) => {
        ready.set(report.device, report);
        if (ready.size === this.#devices.length) resolve([...ready.values()]);
      };
      this.#supervised = this.#devices.map((device) => {
        const workerId = `${hostname()}-${process.pid}-${device.name}`;
        const onGivenUp = () => reject(new Error(`${device.name} cannot be used`));
        const assignment = { device, workerId, config: this.#config };
        return new SupervisedDevice(assignment, { onReady, onGivenUp }, this.#log);
      });
      for (const device of this.#supervised) device.start();
    });
  }

  /**
   * Stops taking jobs, lets those that run end or go back, and resolves when all processes left;
   * with true if each of them did so cleanly.
   */
  async drain(): Promise<boolean> {
    const left = await Promise.all(this.#supervised.map((device) => device.drain()));
    return left.every((isClean) => isClean);
  }

  /** Ends all processes at once; their jobs are found stalled by another worker. */
  kill(): void {
    for (const device of this.#supervised) device.kill();
  }
}
