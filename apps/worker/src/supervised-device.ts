/**
 * Keeps the worker process of one device alive.
 *
 * ```
 *   start ─▶ starting ──ready──▶ running
 *               │  ▲                │
 *               │  │ backoff        │  it exits, or is silent for too long and killed
 *               ▼  │                ▼
 *             waiting ◀─────────────┘         from each state: drain ─▶ draining ─▶ gone
 * ```
 */

import type { ChildProcess } from 'node:child_process';
import type { Logger } from '@amanuensis/log';
import type {
  Assignment,
  FromDeviceWorker,
  ReadyDevice,
  ToDeviceWorker,
} from './device-messages.ts';
import { forkDeviceWorker } from './fork-device-worker.ts';

const MIN_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 30_000;
/** A worker that ran for this long was healthy: the next failure counts as the first. */
const HEALTHY_AFTER_MS = 60_000;
/** A device that never became ready is given up after so many failures. */
const MAX_START_FAILURES = 3;
/** What a device worker may need beyond its time to drain, to give jobs back and say goodbye. */
const EXIT_GRACE_MS = 5_000;

export interface DeviceObserver {
  onReady(device: ReadyDevice): void;
  /** It is not fit for use, or failed each time before it was ever ready. */
  onGivenUp(reason: string): void;
}

export class SupervisedDevice {
  readonly #assignment: Assignment;
  readonly #observer: DeviceObserver;
  readonly #log: Logger;
  #child: ChildProcess | null = null;
  /** The one thing that is waited for: readiness, a heartbeat, the end of a pause or of a drain. */
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #startedAtMs = 0;
  #ready = false;
  #wasReady = false;
  #draining = false;
  /** Why its process said that it leaves. */
  #failure: { readonly reason: string; readonly isFinal: boolean } | null = null;
  readonly #gone: Promise<boolean>;
  #leave: (isClean: boolean) => void = () => undefined;

  constructor(assignment: Assignment, observer: DeviceObserver, log: Logger) {
    this.#assignment = assignment;
    this.#observer = observer;
    this.#log = log.child({ device: assignment.device.name });
    this.#gone = new Promise((resolve) => {
      this.#leave = resolve;
    });
  }

  start(): void {
    const { device, config } = this.#assignment;
    const child = forkDeviceWorker(device, config);
    this.#child = child;
    this.#ready = false;
    this.#failure = null;
    this.#startedAtMs = performance.now();
    this.#log.info({ workerPid: child.pid }, 'device worker starts');
    child.on('message', (message) => this.#hear(message as FromDeviceWorker));
    child.on('error', (err) => this.#log.error({ err }, 'device worker channel failed'));
    child.once('close', (code, signal) => this.#died(child, code, signal));
    this.#send({ type: 'start', assignment: this.#assignment });
    this.#killUnlessHeardWithin(config.startTimeoutSeconds, 'did not start in time');
  }

  /**
   * Resolves when the process is gone, which is at the latest a moment after the drain's deadline;
   * with true if it took jobs and left cleanly, or took none.
   */
  drain(): Promise<boolean> {
    if (!this.#draining) {
      this.#draining = true;
      if (this.#child === null) {
        clearTimeout(this.#timer);
        this.#leave(true);
      } else {
        this.#send({ type: 'drain' });
        const timeoutMs = this.#assignment.config.drainTimeoutSeconds * 1000 + EXIT_GRACE_MS;
        this.#killUnlessHeardWithin(timeoutMs / 1000, 'did not drain in time');
      }
    }
    return this.#gone;
  }

  kill(): void {
    this.#child?.kill('SIGKILL');
  }

  #hear(message: FromDeviceWorker): void {
    if (this.#draining) return;
    if (message.type === 'ready') {
      this.#ready = true;
      this.#wasReady = true;
      this.#observer.onReady(message.device);
    }
    if (message.type === 'failed') this.#failure = message;
    if (message.type === 'compiling') {
      const { compileTimeoutSeconds } = this.#assignment.config;
      this.#killUnlessHeardWithin(compileTimeoutSeconds, 'did not compile in time');
    }
    // While it starts, heartbeats do not prolong its time: one that never gets ready is stuck.
    if (this.#ready) {
      this.#killUnlessHeardWithin(this.#assignment.config.heartbeatTimeoutSeconds, 'hangs');
    }
  }

  #died(child: ChildProcess, code: number | null, signal: NodeJS.Signals | null): void {
    clearTimeout(this.#timer);
    this.#child = null;
    const how = { workerPid: child.pid, code, signal };
    if (this.#draining) {
      const isClean = code === 0 || !this.#ready;
      if (isClean) this.#log.info(how, 'device worker left');
      else this.#log.error(how, 'device worker did not leave cleanly');
      this.#leave(isClean);
      return;
    }
    const livedMs = performance.now() - this.#startedAtMs;
    this.#failures = livedMs > HEALTHY_AFTER_MS ? 1 : this.#failures + 1;
    const hopeless = !this.#wasReady && this.#failures >= MAX_START_FAILURES;
    if (hopeless || this.#failure?.isFinal === true) {
      const reason =
        this.#failure?.reason ?? `its process ended ${this.#failures} times at its start`;
      this.#log.error({ ...how, reason }, 'device worker cannot start: the device is not used');
      this.#draining = true;
      this.#leave(true);
      this.#observer.onGivenUp(reason);
      return;
    }
    const delayMs = Math.min(MAX_BACKOFF_MS, MIN_BACKOFF_MS * 2 ** (this.#failures - 1));
    this.#log.error({ ...how, delayMs }, 'device worker died; another one follows');
    this.#timer = setTimeout(() => this.start(), delayMs);
  }

  #killUnlessHeardWithin(seconds: number, why: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#log.error({ workerPid: this.#child?.pid, seconds }, `device worker ${why}: killed`);
      this.kill();
    }, seconds * 1000);
  }

  #send(message: ToDeviceWorker): void {
    // A child that is about to die is not to be told anything; its end is handled by its exit.
    this.#child?.send(message, () => undefined);
  }
}
