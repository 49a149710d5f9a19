/** Which devices a machine has: made `/sys` trees, and libraries that say what they offer. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readWorkerSettings } from '../../apps/worker/src/config.ts';
import { findDevices, type Machine } from '../../apps/worker/src/devices.ts';
import type { ProbedLibrary } from '../../apps/worker/src/devices-library.ts';
import { makeNpu, makePciDevice, removeNpu } from '../support/devices.ts';

const NPUS = [
  { address: '0000:c5:00.1', node: 'accel0' },
  { address: '0000:c6:00.1', node: 'accel1' },
  { address: '0000:c7:00.1', node: 'accel2' },
];
const AMD = { AMANUENSIS_WORKER_ONNXRUNTIME_LIBRARY: '/opt/amd/libonnxruntime.so' };
const VITIS_AI = ['VitisAIExecutionProvider', 'CPUExecutionProvider'];

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'amanuensis-sysfs-'));
});
afterEach(() => rmSync(root, { recursive: true }));

interface Found {
  readonly env?: Readonly<Record<string, string>>;
  readonly yaml?: string;
  readonly cores?: number;
  readonly probe?: Machine['probe'];
}

function find({ env = {}, yaml, cores = 4, probe = offering(VITIS_AI) }: Found = {}) {
  if (yaml !== undefined) writeFileSync(join(root, 'amanuensis.yaml'), yaml);
  const settings = readWorkerSettings({
    env: { AMANUENSIS_WORKER_SYSTEM_ROOT: root, ...env },
    cwd: root,
  });
  return findDevices(settings, { cores, probe });
}

function offering(providers: string[]): Machine['probe'] {
  return () => Promise.resolve({ version: '1.23.2', providers });
}

const never: Machine['probe'] = () => Promise.reject(new Error('no library is to be loaded'));

describe('the CPU', () => {
  test('is one device with all cores of a small machine, and no library is probed', async () => {
    const { devices, notes } = await find({ probe: never });
    expect(devices).toEqual([{ name: 'cpu0', kind: 'cpu', threads: 4, models: ['demo'], env: {} }]);
    expect(notes).toEqual([]);
  });

  test.each([
    [1, 1, 1],
    [8, 1, 8],
    [9, 2, 4],
    [64, 8, 8],
  ])('of %i cores is %i devices of %i threads', async (cores, count, threads) => {
    const { devices } = await find({ cores });
    expect(devices.map((device) => device.threads)).toEqual(Array(count).fill(threads));
  });

  test('is as many devices as are set, with the threads that are set', async () => {
    const env = { AMANUENSIS_WORKER_CPU_DEVICES: '3', AMANUENSIS_WORKER_THREADS_PER_RUN: '2' };
    const { devices } = await find({ env, cores: 64 });
    expect(devices.map(({ name, threads }) => [name, threads])).toEqual([
      ['cpu0', 2],
      ['cpu1', 2],
      ['cpu2', 2],
    ]);
  });

  test('never has less than one thread a device', async () => {
    const { devices } = await find({ env: { AMANUENSIS_WORKER_CPU_DEVICES: '3' }, cores: 2 });
    expect(devices.map(({ threads }) => threads)).toEqual([1, 1, 1]);
  });
});

describe('NPUs', () => {
  beforeEach(() => {
    for (const npu of NPUS) makeNpu(root, npu);
    makePciDevice(root, '0000:00:02.0', { vendor: '0x8086', device: '0x17f0' });
  });

  test('are a device each, which shares the cores for its decoder', async () => {
    const { devices, notes } = await find({ env: AMD, cores: 8 });
    expect(notes).toEqual([]);
    expect(devices.map(({ name, kind, threads }) => [name, kind, threads])).toEqual([
      ['npu0', 'npu', 2],
      ['npu1', 'npu', 2],
      ['npu2', 'npu', 2],
    ]);
    expect(devices.map(({ accelerator }) => accelerator?.lockKey)).toEqual(
      NPUS.map(({ address }) => `npu-${address}`),
    );
    expect(devices[0]?.accelerator).toMatchObject({
      provider: { name: 'VitisAI', options: { enable_cache_file_io_in_mem: '0' } },
      library: '/opt/amd/libonnxruntime.so',
      compiles: true,
      dependsOn: ['1.23.2', 'NPU Strix', '1.0.0.63', '2.18.0'],
    });
    expect(devices[0]?.env).toMatchObject({
      LD_LIBRARY_PATH: expect.stringMatching(/^\/lib\/x86_64-linux-gnu:\/opt\/amd/),
      XLNX_ONNX_EP_REPORT_FILE: 'vitisai_ep_report.json',
    });
  });

  test('keep their names when one is gone', async () => {
    removeNpu(root, { address: '0000:c6:00.1', node: 'accel1' });
    const { devices } = await find({ env: AMD });
    expect(devices.map(({ name }) => name)).toEqual(['npu0', 'npu2']);
  });

  test('may have the CPU beside them', async () => {
    const { devices } = await find({ env: { ...AMD, AMANUENSIS_WORKER_CPU_DEVICES: '1' } });
    expect(devices.map(({ name }) => name)).toEqual(['npu0', 'npu1', 'npu2', 'cpu0']);
  });

  test('are found in the installation that AMD names, with its options over ours', async () => {
    const probed: ProbedLibrary[] = [];
    const probe: Machine['probe'] = (library) => {
      probed.push(library);
      return offering(VITIS_AI)(library);
    };
    const lib = join(root, 'rai/onnxruntime/lib');
    makeLibraries(lib, ['libonnxruntime.so.1.23.2', 'libonnxruntime.so.1', 'libother.so']);
    const env = {
      RYZEN_AI_INSTALLATION_PATH: join(root, 'rai'),
      AMANUENSIS_WORKER_VITIS_AI_OPTIONS: '{ target: X2, opt_level: 2 }',
    };
    const { devices } = await find({ env, probe });
    expect(probed.map(({ library }) => library)).toEqual([join(lib, 'libonnxruntime.so.1')]);
    expect(probed[0]?.env).toMatchObject({ RYZEN_AI_INSTALLATION_PATH: join(root, 'rai') });
    expect(devices[1]?.accelerator?.provider.options).toEqual({
      target: 'X2',
      opt_level: '2',
      enable_cache_file_io_in_mem: '0',
    });
  });

  test('may be listed one by one, each with its model', async () => {
    const yaml = `
worker:
  models: { small: /m/small, large: /m/large }
  devices:
    - { kind: npu, count: 1, models: [small], options: { target: X2 } }
    - { kind: npu, address: "0000:c7:00.1", name: third, models: [large], threads: 3 }
    - { kind: cpu, count: 2 }
`;
    const { devices } = await find({ env: AMD, yaml, cores: 8 });
    expect(devices.map(({ name, models, threads }) => [name, models, threads])).toEqual([
      ['npu0', ['small'], 2],
      ['third', ['large'], 3],
      ['cpu0', ['small', 'large'], 2],
      ['cpu1', ['small', 'large'], 2],
    ]);
    expect(devices[1]?.accelerator?.lockKey).toBe('npu-0000:c7:00.1');
  });

  test('hold one model each, since two sessions of VitisAI do not get on', async () => {
    const yaml = 'worker: { models: { small: /m/small, large: /m/large } }';
    await expect(find({ env: AMD, yaml })).rejects.toThrow('npu0 would hold 2 models');
  });

  test.each([
    ['fewer than are listed', '[{ kind: npu, count: 4 }]', /4 NPU\(s\) configured, 3 to be had/],
    ['none at an address', '[{ kind: npu, address: "0000:ff:00.1" }]', /the NPU 0000:ff:00.1/],
    ['one name for two', '[{ kind: cpu }, { kind: cpu }]', /two devices are called cpu0/],
    ['a model that is not there', '[{ kind: cpu, models: [huge] }]', /cpu0 is to hold huge/],
  ])('%s: refused', async (_what, devices, message) => {
    const env = { ...AMD, AMANUENSIS_WORKER_DEVICES: devices };
    await expect(find({ env })).rejects.toThrow(message);
  });

  test('that no entry of the list names are not what was required', async () => {
    const env = { ...AMD, REQUIRE_NPU: '1', AMANUENSIS_WORKER_DEVICES: '[{ kind: cpu }]' };
    await expect(find({ env })).rejects.toThrow('(requireNpu): the `devices` of the configuration');
  });

  describe('that cannot be used leave the work to the CPU, and say why', () => {
    test.each([
      ['no installation', {}, never, /set RYZEN_AI_INSTALLATION_PATH/],
      [
        'an installation without a library',
        { RYZEN_AI_INSTALLATION_PATH: '/nowhere' },
        never,
        /needs a libonnxruntime.so in \/nowhere\/onnxruntime\/lib/,
      ],
      [
        'a library that does not load',
        AMD,
        () => Promise.resolve({ problem: 'file too short' }),
        /cannot use \/opt\/amd\/libonnxruntime.so: file too short/,
      ],
      [
        'a library without VitisAI',
        AMD,
        offering(['CPUExecutionProvider']),
        /needs VitisAIExecutionProvider, which ONNX Runtime 1.23.2 in/,
      ],
    ] as const)('%s', async (_what, env, probe, reason) => {
      const { devices, notes } = await find({ env, probe });
      expect(devices.map(({ name }) => name)).toEqual(['cpu0']);
      expect(notes.map(({ npu }) => npu.address)).toEqual(NPUS.map(({ address }) => address));
      for (const { text } of notes) expect(text).toMatch(reason);
      const required = find({ env: { ...env, REQUIRE_NPU: '1' }, probe });
      await expect(required).rejects.toThrow(reason);
    });
  });
});

test.each([
  ['of the first generation', { deviceId: '0x1502' }, /first XDNA generation/],
  ['without a driver', { driver: null, node: null }, /has no driver/],
  ['with another driver', { driver: 'vfio-pci', node: null }, /driven by vfio-pci/],
  ['without a node', { node: null }, /no node in \/sys\/class\/accel/],
  ['whose node is not passed on', { isOpen: false }, /is it passed to this container/],
])('an NPU %s is not used', async (_what, traits, reason) => {
  makeNpu(root, { address: '0000:c5:00.1', ...traits });
  const { devices, notes } = await find({ env: AMD, probe: never });
  expect(devices.map(({ name }) => name)).toEqual(['cpu0']);
  expect(notes.map(({ text }) => text)).toEqual([expect.stringMatching(reason)]);
});

test('a machine without an NPU is refused where one is required', async () => {
  const required = find({ env: { REQUIRE_NPU: '1' } });
  await expect(required).rejects.toThrow(
    `an NPU is required (requireNpu): no XDNA 2 NPU (PCI 1022:17f0) is in ${root}/sys`,
  );
  const nothing = find({ env: { AMANUENSIS_WORKER_CPU_DEVICES: '0' } });
  await expect(nothing).rejects.toThrow('cpuDevices is 0, and no NPU works');
});

test('GPUs are devices where they are listed', async () => {
  const devices = '[{ kind: cuda, count: 2 }, { kind: webgpu, options: { deviceId: 1 } }]';
  const found = await find({ env: { AMANUENSIS_WORKER_DEVICES: devices }, probe: never });
  expect(found.devices.map(({ name, accelerator }) => [name, accelerator])).toEqual([
    ['cuda0', gpu('CUDA', { device_id: '0' }, 'cuda-0')],
    ['cuda1', gpu('CUDA', { device_id: '1' }, 'cuda-1')],
    ['webgpu0', gpu('WebGPU', { deviceId: '1' }, 'webgpu-0')],
  ]);
});

function gpu(name: string, options: Readonly<Record<string, string>>, lockKey: string) {
  return { provider: { name, options }, compiles: false, lockKey, dependsOn: [] };
}

function makeLibraries(folder: string, names: readonly string[]): void {
  mkdirSync(folder, { recursive: true });
  for (const name of names) writeFileSync(join(folder, name), '');
}
