/** Runs one device worker process for each device, and ends them all with itself. */

import { hostname } from 'node:os';
import type { Logger } from '@amanuensis/log';
import type { WorkerConfig } from './config.ts';
import type { Device } from './device.ts';
import type { ReadyDevice } from './device-messages.ts';
import type { DeviceReport } from './device-report.ts';
import { reportRefusal } from './refused-device.ts';
import { SupervisedDevice } from './supervised-device.ts';

export class Supervisor {
  readonly #devices: readonly Device[];
  readonly #config: WorkerConfig;
  readonly #log: Logger;
  readonly #refusals = new Map<
    Device,
    { readonly reason: string; readonly report: DeviceReport }
  >();
  #supervised: readonly SupervisedDevice[] = [];

  constructor(devices: readonly Device[], config: WorkerConfig, log: Logger) {
    this.#devices = devices;
    this.#config = config;
    this.#log = log;
  }

  /**
   * Starts all; resolves when every device takes jobs or has been given up, with those that do.
   *
   * @param onUseless called when, after that, too few devices are left to go on, with the reason.
   * @throws Error when too few devices are left: none, or no NPU where one is required.
   */
  start(onUseless: (reason: string) => void): Promise<readonly ReadyDevice[]> {
    return new Promise((resolve, reject) => {
      const ready = new Map<string, ReadyDevice>();
      let started = false;
      const check = (): void => {
        const useless = this.#uselessBecause();
        if (useless !== null) {
          if (started) onUseless(useless);
          else reject(new Error(useless));
        } else if (ready.size + this.#refusals.size === this.#devices.length) {
          started = true;
          resolve([...ready.values()]);
        }
      };
      this.#supervised = this.#devices.map((device) => {
        const workerId = `${hostname()}-${process.pid}-${device.name}`;
        const onReady = (report: ReadyDevice): void => {
          ready.set(report.device, report);
          check();
        };
        const onGivenUp = (reason: string): void => {
          ready.delete(device.name);
          const report = reportRefusal({ device, workerId, reason }, this.#config, this.#log);
          this.#refusals.set(device, { reason, report });
          check();
        };
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
    for (const { report } of this.#refusals.values()) await report.close();
    return left.every((isClean) => isClean);
  }

  /** Ends all processes at once; their jobs are found stalled by another worker. */
  kill(): void {
    for (const device of this.#supervised) device.kill();
  }

  /** Null where enough devices are left. */
  #uselessBecause(): string | null {
    const left = this.#devices.filter((device) => !this.#refusals.has(device));
    const isNpuMissing = this.#config.requireNpu && !left.some(({ kind }) => kind === 'npu');
    if (left.length > 0 && !isNpuMissing) return null;
    const reasons = [...this.#refusals].map(([{ name }, { reason }]) => `${name}: ${reason}`);
    const what = isNpuMissing ? 'no NPU can be used, and one is required' : 'no device can be used';
    return `${what}: ${reasons.join('; ')}`;
  }
}
