/** The NPUs of this machine, as the kernel lists them. */

import { accessSync, constants, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';

const VENDOR_AMD = '0x1022';
/** PCI device ids. XDNA 1 (Phoenix, Hawk Point) cannot run what is compiled for XDNA 2. */
const GENERATIONS: Readonly<Record<string, Npu['generation']>> = { '0x1502': 1, '0x17f0': 2 };
const DRIVER = 'amdxdna';
const ACCELERATOR = /^accel\d+$/;

export interface Npu {
  /** On the PCI bus: `0000:c5:00.1`. */
  readonly address: string;
  /** Of AMD's XDNA. */
  readonly generation: 1 | 2;
  /** Its node in `/dev/accel`, `accel0`; null where no driver made one. */
  readonly node: string | null;
  /** What the driver calls it: `NPU Strix`. */
  readonly name: string | null;
  readonly firmware: string | null;
  readonly driver: string | null;
  readonly driverVersion: string | null;
}

/**
 * In the order of their nodes.
 *
 * @param root the folder that holds `sys`: `/`.
 */
export function findNpus(root: string): readonly Npu[] {
  const bus = join(root, 'sys/bus/pci/devices');
  const folders = new Map<string, { folder: string; node: string | null }>();
  for (const address of list(bus)) {
    folders.set(address, { folder: join(bus, address), node: null });
  }
  const accelerators = join(root, 'sys/class/accel');
  for (const node of list(accelerators).filter((name) => ACCELERATOR.test(name))) {
    const folder = realPath(join(accelerators, node, 'device'));
    if (folder !== null) folders.set(basename(folder), { folder, node });
  }
  return [...folders]
    .flatMap(([address, { folder, node }]) => readNpu(root, address, folder, node) ?? [])
    .toSorted((a, b) => order(a) - order(b) || (a.address < b.address ? -1 : 1));
}

/** Why the NPU cannot be used, in words; null where nothing is in the way. */
export function npuProblem({ generation, driver, node }: Npu, root: string): string | null {
  if (generation !== 2) return 'is of the first XDNA generation, which is not supported';
  if (driver === null) return `has no driver: the kernel (6.14 or later) or XRT brings ${DRIVER}`;
  if (driver !== DRIVER) return `is driven by ${driver}, not by ${DRIVER}`;
  if (node === null) return `has no node in /sys/class/accel; see the kernel's log for ${DRIVER}`;
  const file = join(root, 'dev/accel', node);
  try {
    accessSync(file, constants.R_OK | constants.W_OK);
    return null;
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const advice = isMissing ? 'is it passed to this container?' : 'is this user in group render?';
    return `cannot be opened at ${file}: ${advice}`;
  }
}

/** What locks of memory are limited to, where that is too little for an NPU; else null. */
export function memoryLockLimit(root: string): string | null {
  const limits = read(join(root, 'proc/self/limits')) ?? '';
  const [, soft] = /^Max locked memory\s+(\S+)/m.exec(limits) ?? [];
  return soft === undefined || soft === 'unlimited' ? null : soft;
}

function readNpu(root: string, address: string, folder: string, node: string | null): Npu | null {
  const generation = GENERATIONS[read(join(folder, 'device')) ?? ''];
  if (generation === undefined || read(join(folder, 'vendor')) !== VENDOR_AMD) return null;
  const driver = realPath(join(folder, 'driver'));
  return {
    address,
    generation,
    node,
    name: read(join(folder, 'vbnv')),
    firmware: read(join(folder, 'fw_version')),
    driver: driver === null ? null : basename(driver),
    driverVersion: read(join(root, 'sys/module', DRIVER, 'version')),
  };
}

function order({ node }: Npu): number {
  return node === null ? Number.MAX_SAFE_INTEGER : Number(node.slice('accel'.length));
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return null;
  }
}

function realPath(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}
