/** What the supervisor and a device worker tell each other over their channel. */

import type { Attestation } from '@amanuensis/contract';
import type { WorkerConfig } from './config.ts';
import type { Device } from './device.ts';

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
  /** One of each model. */
  readonly attestations: Attestation[];
}

export type ToDeviceWorker =
  | { readonly type: 'start'; readonly assignment: Assignment }
  /** Take no more jobs, finish those that run, leave. */
  | { readonly type: 'drain' };

export type FromDeviceWorker =
  /** The event loop turns. */
  | { readonly type: 'heartbeat' }
  | { readonly type: 'ready'; readonly device: ReadyDevice }
  /** It compiles a model, or waits until another process has: that takes longer than a start. */
  | { readonly type: 'compiling' }
  /** It is about to leave, and why; `isFinal` where another try would end the same way. */
  | { readonly type: 'failed'; readonly reason: string; readonly isFinal: boolean };

export const HEARTBEAT_INTERVAL_MS = 500;
