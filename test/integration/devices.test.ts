/** Workers on machines with NPUs that are not there: a made `/sys`, and a stand-in for AMD's library. */

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { DeviceStatus } from '@amanuensis/contract';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { tryLockFile } from '../../packages/pipeline/src/inference/file-lock.ts';
import { makeNpu, removeNpu } from '../support/devices.ts';
import { ROOT } from '../support/paths.ts';
import { isRunning } from '../support/processes.ts';
import { startSystem, type TestSystem } from '../support/system.ts';
import { buildStandIn, compiler, type StandIn } from '../support/vendor/stand-in.ts';

const MAIN = join(ROOT, 'apps/worker/dist/main.js');
const DEADLINE_MS = 120_000;
const NPUS = [
  { address: '0000:c5:00.1', node: 'accel0' },
  { address: '0000:c6:00.1', node: 'accel1' },
  { address: '0000:c7:00.1', node: 'accel2' },
];
const LIMIT = { initial: 1, max: 1 };
const SMALL = {
  AMANUENSIS_WORKER_LANES_PER_JOB: '1',
  AMANUENSIS_WORKER_POOLS: JSON.stringify({
    audio: LIMIT,
    mel: LIMIT,
    encoder_output: LIMIT,
    kv_cache: LIMIT,
  }),
};

let folder: string;
let vendor: StandIn;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'amanuensis-devices-'));
  if (compiler !== null) vendor = buildStandIn(folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A machine of its own: `sys`, `dev`, locks, compiled graphs. */
function machine(...npus: readonly Parameters<typeof makeNpu>[1][]) {
  const root = mkdtempSync(join(folder, 'machine-'));
  for (const npu of npus) makeNpu(root, npu);
  vendor?.forget();
  const env = {
    ...SMALL,
    ...vendor?.env,
    ...(vendor && { RYZEN_AI_INSTALLATION_PATH: vendor.installation }),
    STAND_IN_NPU: '400',
    AMANUENSIS_WORKER_SYSTEM_ROOT: root,
    AMANUENSIS_WORKER_LOCK_FOLDER: join(root, 'lock'),
    AMANUENSIS_WORKER_CACHE_FOLDER: join(folder, 'cache'),
  };
  return { root, env };
}

async function start(options: Parameters<typeof startSystem>[0]): Promise<TestSystem> {
  const system = await startSystem(options);
  onTestFinished(() => system.stop());
  return system;
}

/** The worker's command, run to its end. */
async function run(args: readonly string[], env: Readonly<Record<string, string>>) {
  const { PATH = '' } = process.env;
  const options = { cwd: folder, env: { PATH, ...env }, timeout: DEADLINE_MS };
  try {
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      [MAIN, ...args],
      options,
    );
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

const byName = (devices: readonly DeviceStatus[]) =>
  devices.toSorted((a, b) => (a.device < b.device ? -1 : 1));
const lockOf = (root: string, address: string) => join(root, `lock/amanuensis-npu-${address}.lock`);

test('REQUIRE_NPU refuses to start without one, with the reason', async () => {
  const { root, env } = machine();
  const needs = { ...env, REDIS_URL: 'redis://127.0.0.1:1' };
  const { code, stderr } = await run([], { ...needs, REQUIRE_NPU: '1' });
  expect(code).toBe(1);
  expect(stderr).toBe(
    `an NPU is required (requireNpu): no XDNA 2 NPU (PCI 1022:17f0) is in ${root}/sys\n`,
  );
});

test('the settings are printed, without a Redis', async () => {
  const { env } = machine();
  const secret = 'redis://:a-secret@127.0.0.1:1';
  const { code, stdout } = await run(['config', 'print'], { ...env, REDIS_URL: secret });
  expect(code).toBe(0);
  expect(stdout).toMatch(/redisUrl .* redis:\/\/:\*\*\*@127\.0\.0\.1:1 .* REDIS_URL/);
  expect(stdout).toMatch(/worker\.lanesPerJob .* 1 .* AMANUENSIS_WORKER_LANES_PER_JOB/);
  expect(stdout).toMatch(/worker\.lockSeconds .* 30 .* default/);
  expect(stdout).not.toContain('a-secret');
  const { code: usage, stderr } = await run(['config', 'destroy'], env);
  expect(usage).toBe(2);
  expect(stderr).toContain('amanuensis-worker config print');
});

describe.skipIf(compiler === null)('with a C compiler', () => {
  test('the table tells what was found and what will run where', {
    timeout: DEADLINE_MS,
  }, async () => {
    const { env } = machine(NPUS[0] ?? never(), {
      address: '0000:c6:00.1',
      node: 'accel1',
      isOpen: false,
    });
    const { code, stdout } = await run(['devices'], env);
    expect(code).toBe(0);
    expect(stdout).toMatch(/0000:c5:00\.1 .* accel0 .* NPU Strix .* 1\.0\.0\.63 .* npu0/);
    expect(stdout).toMatch(/0000:c6:00\.1 .* not used: it cannot be opened/);
    expect(stdout).toMatch(/packaged .* 1\.\d+\.\d+ .* CPUExecutionProvider/);
    expect(stdout).toMatch(/ryzen-ai\/onnxruntime\/lib\S* .* VitisAIExecutionProvider/);
    expect(stdout).toMatch(/npu0 .* VitisAI .* CPU .* demo/);
  });

  test('three NPUs are three device workers, each with its lock; with one gone, two', {
    timeout: 2 * DEADLINE_MS,
  }, async () => {
    const { root, env } = machine(...NPUS);
    const system = await start({ api: false, workerEnv: env });
    const devices = byName(await system.devices());
    expect(devices.map(({ device }) => device)).toEqual(['npu0', 'npu1', 'npu2']);
    expect(new Set(devices.map(({ pid }) => pid)).size).toBe(3);
    for (const [index, { address }] of NPUS.entries()) {
      expect(await tryLockFile(lockOf(root, address)), address).toBeNull();
      const holder = readFileSync(lockOf(root, address), 'utf8');
      expect(holder).toBe(`${devices[index]?.pid}\n`);
    }
    for (const { attestations, executionProvider } of devices) {
      expect(executionProvider).toBe('VitisAIExecutionProvider');
      expect(attestations).toEqual([
        {
          model: 'demo',
          executionProvider,
          cosine: expect.closeTo(1, 5),
          minCosine: 0.99,
          ms: expect.any(Number),
          placement: { acceleratedNodes: 400, nodes: 413 },
          compileMs: expect.any(Number),
        },
      ]);
    }
    expect(vendor.events().filter(({ event }) => event === 'compile')).toHaveLength(1);

    // A second supervisor gets none of them, and ends with the reason.
    const second = await run([], {
      ...env,
      REDIS_URL: system.redis.url,
      AMANUENSIS_DATA_FOLDER: system.dataFolder,
      AMANUENSIS_WORKER_DEVICE_LOCK_TIMEOUT_SECONDS: '1',
    });
    expect(second.code).toBe(1);
    const fatal = second.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
      .find(({ msg }) => msg === 'cannot start');
    for (const { device, pid } of devices) {
      expect(fatal.err.message).toContain(`${device}: process ${pid} holds it`);
      expect(isRunning(pid)).toBe(true);
    }

    await system.worker.stop();
    for (const { address } of NPUS) {
      const lock = await tryLockFile(lockOf(root, address));
      expect(lock, address).not.toBeNull();
      lock?.[Symbol.dispose]();
    }
    removeNpu(root, NPUS[1] ?? never());
    await system.startWorker();
    const left = byName(await system.devices());
    expect(left.map(({ device }) => device)).toEqual(['npu0', 'npu2']);
  });
});

function never(): never {
  throw new Error('the list is not empty');
}
