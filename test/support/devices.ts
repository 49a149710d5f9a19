/** Devices for tests, and a `/sys` with NPUs that are not there. */

import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '@amanuensis/log';
import type { LoadModelsOptions } from '../../apps/worker/src/load-models.ts';

/** Loads the demonstration model onto the CPU. */
export function onCpu(log: Logger): LoadModelsOptions {
  const device = { name: 'cpu0', kind: 'cpu', threads: 1, models: ['demo'], env: {} } as const;
  const signal = AbortSignal.timeout(60_000);
  return { device, log, signal, onCompiling: () => undefined };
}

export interface MadeNpu {
  readonly address: string;
  /** Of the PCI device; that of XDNA 2 unless given. */
  readonly deviceId?: string;
  /** None where it is null. */
  readonly driver?: string | null;
  /** Of `/dev/accel`; no such node where it is null. */
  readonly node?: string | null;
  /** Whether its node is in `/dev` too. */
  readonly isOpen?: boolean;
}

/** Lays out what the kernel and its driver `amdxdna` show of an NPU. */
export function makeNpu(root: string, npu: MadeNpu): void {
  const { address, deviceId = '0x17f0', driver = 'amdxdna', node = 'accel0', isOpen = true } = npu;
  const folder = makePciDevice(root, address, { vendor: '0x1022', device: deviceId });
  write(join(folder, 'revision'), '0x11\n');
  if (driver !== null) {
    const drivers = join(root, 'sys/bus/pci/drivers', driver);
    mkdirSync(drivers, { recursive: true });
    symlinkSync(drivers, join(folder, 'driver'));
    write(join(folder, 'vbnv'), 'NPU Strix\n');
    write(join(folder, 'fw_version'), '1.0.0.63\n');
    write(join(folder, 'device_type'), '0\n');
    write(join(root, `sys/module/${driver}/version`), '2.18.0\n');
  }
  if (node === null) return;
  mkdirSync(join(root, 'sys/class/accel', node), { recursive: true });
  symlinkSync(folder, join(root, 'sys/class/accel', node, 'device'));
  if (isOpen) write(join(root, 'dev/accel', node), '');
}

/** The folder of the device. */
export function makePciDevice(
  root: string,
  address: string,
  ids: { readonly vendor: string; readonly device: string },
): string {
  const folder = join(root, 'sys/devices/pci0000:00/0000:00:08.2', address);
  for (const [name, id] of Object.entries(ids)) write(join(folder, name), `${id}\n`);
  mkdirSync(join(root, 'sys/bus/pci/devices'), { recursive: true });
  symlinkSync(folder, join(root, 'sys/bus/pci/devices', address));
  return folder;
}

/** As if it had been pulled out. */
export function removeNpu(root: string, { address, node = 'accel0' }: MadeNpu): void {
  rmSync(join(root, 'sys/devices/pci0000:00/0000:00:08.2', address), { recursive: true });
  rmSync(join(root, 'sys/bus/pci/devices', address));
  if (node !== null) rmSync(join(root, 'sys/class/accel', node), { recursive: true });
}

function write(file: string, text: string): void {
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, text);
}
