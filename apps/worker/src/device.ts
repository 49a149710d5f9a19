/** What a device worker runs on. */

import type { ExecutionProvider } from '@amanuensis/pipeline';
import type { DeviceKind } from './devices-config.ts';

/** What runs the encoder of a device in place of the CPU. */
export interface Accelerator {
  readonly provider: ExecutionProvider;
  /** Its build of ONNX Runtime; the configured one, or else the packaged one, where it is not set. */
  readonly library?: string;
  /** The provider compiles each graph, which takes minutes. */
  readonly compiles: boolean;
  /** Names the hardware on this machine: no two processes may use it at once. */
  readonly lockKey: string;
  /** Versions that a compiled graph is bound to. */
  readonly dependsOn: readonly string[];
}

export interface Device {
  /** Unique on its machine, and what results name: `cpu0`. */
  readonly name: string;
  readonly kind: DeviceKind;
  /** CPU threads that one run may use: of the decoder at least, which always runs on the CPU. */
  readonly threads: number;
  /** Names of the models that it holds. */
  readonly models: readonly string[];
  /** Environment of its process, over that of the supervisor. */
  readonly env: Readonly<Record<string, string>>;
  /** None for a CPU. */
  readonly accelerator?: Accelerator;
}

/** A device whose share of the cores is not known yet, unless it was set. */
export type UnsharedDevice = Omit<Device, 'threads'> & { readonly threads?: number | undefined };

/** What was configured cannot be had on this machine. */
export class DeviceError extends Error {
  override readonly name = 'DeviceError';
}
