/** The devices of this machine: each gets a device worker process of its own. */

export interface Device {
  /** Unique on its machine, and what results name: `cpu0`. */
  readonly name: string;
}

/** All the processor's cores together are one device. */
export function findDevices(): readonly Device[] {
  return [{ name: 'cpu0' }];
}
