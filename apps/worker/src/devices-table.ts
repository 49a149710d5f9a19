/** `amanuensis-worker devices`: what this machine has, and what will run where. */

import type { ConfigSource } from '@amanuensis/config';
import Table from 'cli-table3';
import { readWorkerSettings, type WorkerSettings } from './config.ts';
import { type Device, DeviceError } from './device.ts';
import { type DevicePlan, findDevices } from './devices.ts';
import { probeLibrary } from './devices-library.ts';
import { findNpuRuntime } from './npu-runtime.ts';
import { findNpus, memoryLockLimit, type Npu } from './npu-sysfs.ts';
import { examineByXrtSmi, type XrtReport } from './npu-xrt-smi.ts';

const PLAIN = { head: [], border: [] };

/**
 * Starts no device and takes no lock.
 *
 * @throws ConfigError; DeviceError after its text has told what was found.
 */
export async function printDevices(source: ConfigSource): Promise<string> {
  const settings = readWorkerSettings(source);
  const remarks: string[] = [];
  const npus = findNpus(settings.systemRoot);
  const xrt = await examine(remarks);
  let plan: DevicePlan = { devices: [], notes: [] };
  try {
    plan = await findDevices(settings);
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    remarks.push(`The worker would not start: ${error.message}`);
  }
  const limit = npus.length === 0 ? null : memoryLockLimit(settings.systemRoot);
  if (limit !== null) {
    remarks.push(
      `Locked memory is limited to ${limit} bytes; an NPU needs it unlimited (ulimit -l).`,
    );
  }
  return [
    npuTable(npus, plan, xrt, settings),
    await libraryTable(settings),
    deviceTable(plan.devices),
    ...remarks,
    '',
  ].join('\n');
}

async function examine(remarks: string[]): Promise<XrtReport | null> {
  try {
    return await examineByXrtSmi();
  } catch (error) {
    remarks.push((error as Error).message);
    return null;
  }
}

function npuTable(
  npus: readonly Npu[],
  { devices, notes }: DevicePlan,
  xrt: XrtReport | null,
  { systemRoot }: WorkerSettings,
): string {
  if (npus.length === 0) return `No AMD NPU is in ${systemRoot}sys.`;
  const table = new Table({ head: ['NPU', 'node', 'what', 'firmware', 'use'], style: PLAIN });
  for (const npu of npus) {
    const told = xrt?.npus.get(npu.address);
    const device = devices.find(({ accelerator }) => accelerator?.lockKey === `npu-${npu.address}`);
    const note = notes.find((entry) => entry.npu.address === npu.address);
    table.push([
      npu.address,
      npu.node ?? '-',
      told?.name ?? npu.name ?? `XDNA ${npu.generation}`,
      told?.firmware ?? npu.firmware ?? '-',
      device?.name ?? (note === undefined ? 'not used' : `not used: it ${note.text}`),
    ]);
  }
  return table.toString();
}

/** Of the library for all devices, and of the one for NPUs where it is another. */
async function libraryTable(settings: WorkerSettings): Promise<string> {
  const table = new Table({ head: ['ONNX Runtime', 'version', 'offers'], style: PLAIN });
  const library = settings.onnxruntimeLibrary;
  const runtime = findNpuRuntime(settings);
  const libraries = [{ library }, ...('problem' in runtime ? [] : [runtime])];
  const probed = new Set<string | undefined>();
  for (const each of libraries) {
    if (probed.has(each.library)) continue;
    probed.add(each.library);
    const offer = await probeLibrary(each);
    const row =
      'problem' in offer ? ['-', offer.problem] : [offer.version, offer.providers.join(', ')];
    table.push([each.library ?? 'packaged', ...row]);
  }
  return table.toString();
}

function deviceTable(devices: readonly Device[]): string {
  const head = ['device', 'encoder on', 'decoder on', 'threads a run', 'models'];
  const table = new Table({ head, style: PLAIN });
  for (const { name, accelerator, threads, models } of devices) {
    const encoder = accelerator === undefined ? 'CPU' : accelerator.provider.name;
    table.push([name, encoder, 'CPU', threads, models.join(', ')]);
  }
  return table.toString();
}
