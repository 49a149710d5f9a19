/** The devices of this machine that take jobs: each gets a device worker process of its own. */

import { availableParallelism } from 'node:os';
import type { WorkerSettings } from './config.ts';
import { type Device, DeviceError, type UnsharedDevice } from './device.ts';
import type { DeviceSetting } from './devices-config.ts';
import { type LibraryOffer, type ProbedLibrary, probeLibrary } from './devices-library.ts';
import { NpuDevices, type NpuNote } from './npu-devices.ts';

/**
 * Cores that one CPU device makes good use of: beyond, a run of the encoder gains less from more
 * threads than another device gains. Settable, since it depends on model and processor.
 */
const CORES_PER_CPU_DEVICE = 8;

export interface DevicePlan {
  readonly devices: readonly Device[];
  /** NPUs that are not used. */
  readonly notes: readonly NpuNote[];
}

/** Injectable, for tests of machines that are not there; `/sys` is where the settings say. */
export interface Machine {
  readonly cores: number;
  readonly probe: (library: ProbedLibrary) => Promise<LibraryOffer>;
}

const THIS_MACHINE: Machine = { cores: availableParallelism(), probe: probeLibrary };

/**
 * The NPUs that work, else the CPU; or what the configuration lists.
 *
 * @throws DeviceError when a device that is named in the configuration, or an NPU where one is
 *   required, is not there or does not work, with the reason.
 */
export async function findDevices(
  settings: WorkerSettings,
  { cores, probe }: Machine = THIS_MACHINE,
): Promise<DevicePlan> {
  const npus = await NpuDevices.find(settings, probe);
  const found =
    settings.devices === 'auto'
      ? autoDevices(settings, npus, cores)
      : settings.devices.flatMap((setting) =>
          setting.kind === 'npu' ? npus.take(setting) : devicesOf(setting, settings),
        );
  if (settings.requireNpu && !found.some(({ kind }) => kind === 'npu')) {
    throw new DeviceError(`an NPU is required (requireNpu): ${npus.missingBecause()}`);
  }
  check(found, settings);
  const share = settings.threadsPerRun ?? Math.max(1, Math.floor(cores / found.length));
  const devices = found.map((device) => ({ ...device, threads: device.threads ?? share }));
  return { devices, notes: npus.notes };
}

/** GPUs are never taken unasked: that a library lists them does not tell that they work. */
function autoDevices(
  settings: WorkerSettings,
  npus: NpuDevices,
  cores: number,
): readonly UnsharedDevice[] {
  const accelerated = npus.takeAll({ options: {}, env: {} });
  const usual = accelerated.length > 0 ? 0 : Math.ceil(cores / CORES_PER_CPU_DEVICE);
  const count = settings.cpuDevices ?? usual;
  const models = Object.keys(settings.models);
  const cpus = Array.from(
    { length: count },
    (_, index): UnsharedDevice => ({ name: `cpu${index}`, kind: 'cpu', models, env: {} }),
  );
  if (accelerated.length + cpus.length === 0) {
    throw new DeviceError(`cpuDevices is 0, and no NPU works: ${npus.missingBecause()}`);
  }
  return [...accelerated, ...cpus];
}

function devicesOf(setting: DeviceSetting, settings: WorkerSettings): readonly UnsharedDevice[] {
  const { kind, name, count = 1, threads, env, options } = setting;
  const models = setting.models ?? Object.keys(settings.models);
  return Array.from({ length: count }, (_, index) => {
    const numbered = name !== undefined && count === 1 ? name : `${name ?? kind}${index}`;
    const device = { name: numbered, kind, models, threads, env };
    if (kind === 'cpu') return device;
    const cuda = { name: 'CUDA', options: { device_id: String(index), ...options } } as const;
    const provider = kind === 'cuda' ? cuda : ({ name: 'WebGPU', options } as const);
    const lockKey = `${kind}-${provider.options.device_id ?? index}`;
    return { ...device, accelerator: { provider, compiles: false, lockKey, dependsOn: [] } };
  });
}

function check(devices: readonly UnsharedDevice[], settings: WorkerSettings): void {
  const names = devices.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new DeviceError(`two devices are called ${twice}`);
  for (const { name, models } of devices) {
    const unknown = models.find((model) => !Object.hasOwn(settings.models, model));
    if (unknown === undefined) continue;
    throw new DeviceError(`${name} is to hold ${unknown}, which is not one of models`);
  }
}
