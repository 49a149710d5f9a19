/** What the supervisor and a device worker tell each other over their channel. */

import type { WorkerConfig } from './config.ts';
import type { Device } from './devices.ts';

/** What a device worker needs to know; it reads no environment and no file of its own. */
export interface Assignment {
  readonly device: Device;
  /** Unique in the fleet: host, supervisor and device. */
  readonly workerId: string;
  readonly config: WorkerConfig;
}

/** A device that takes jobs. */
export interface ReadyDevice {
  readonly device: string;
  readonly executionProvider: string;
  readonly models: string[];
  readonly concurrency: number;
}

export type ToDeviceWorker =
  | { readonly type: 'start'; readonly assignment: Assignment }
  /** Take no more jobs, finish those that run, leave. */
  | { readonly type: 'drain' };

export type FromDeviceWorker =
  /** The event loop turns. */
  { readonly type: 'heartbeat' } | { readonly type: 'ready'; readonly device: ReadyDevice };

export const HEARTBEAT_INTERVAL_MS = 500;
