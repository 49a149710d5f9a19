/** A device that computes what it should not is not used, and says why; whatever is at fault. */

import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { readFile, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { writeGolden } from '../../apps/worker/src/attest-golden.ts';
import { makeNpu } from '../support/devices.ts';
import { openSubmitter, samplePath } from '../support/submit.ts';
import { type LogLine, startSystem, type TestApp, type TestSystem } from '../support/system.ts';
import { buildStandIn, compiler, type StandIn } from '../support/vendor/stand-in.ts';

const DEADLINE_MS = 120_000;
const SUM_BYTES = 32;
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
let vendor: StandIn | undefined;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'amanuensis-attest-'));
  mkdirSync(join(folder, 'cache/golden'), { recursive: true });
  if (compiler !== null) vendor = buildStandIn(folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

async function start(options: Parameters<typeof startSystem>[0]): Promise<TestSystem> {
  const system = await startSystem(options);
  onTestFinished(() => system.stop());
  return system;
}

/** The log of a worker that does not come up. */
async function failedStart(system: TestSystem, env: Record<string, string>): Promise<string> {
  const started = system.startWorker(env).then(
    (worker: TestApp) => worker.stop().then(() => 'it started'),
    (error: Error) => error.message,
  );
  return started;
}

const find = (lines: readonly LogLine[], msg: string) => lines.filter((line) => line.msg === msg);

test('a golden result is made once, and a perturbed one refuses the device', {
  timeout: 2 * DEADLINE_MS,
}, async () => {
  const cacheFolder = join(folder, 'cache');
  const workerEnv = { ...SMALL, AMANUENSIS_WORKER_CACHE_FOLDER: cacheFolder };
  const system = await start({ api: false, workerEnv });
  const [device] = await system.devices();
  expect(device?.attestations).toMatchObject([
    { model: 'demo', cosine: expect.closeTo(1, 9), minCosine: 0.999, placement: null },
  ]);
  const { log } = system.worker;
  expect(find(log, 'golden result is made')).toHaveLength(1);
  const order = log.map(({ msg }) => msg);
  expect(order.indexOf('device is attested')).toBeLessThan(order.indexOf('takes jobs'));
  await system.worker.stop();

  const again = await system.startWorker();
  expect(find(again.log, 'golden result is made')).toEqual([]);
  expect(find(again.log, 'device is attested')).toHaveLength(1);
  await again.stop();

  await changeGolden(cacheFolder, (value, index) => value + (index % 2 === 0 ? 0.2 : 0));
  const refused = await failedStart(system, {});
  expect(refused).toMatch(/worker ended \(1\) before it was ready/);
  expect(refused).toMatch(/cpu0: its encoder of demo \(CPUExecutionProvider\) is wrong/);
  expect(refused).not.toContain('takes jobs');

  // One that is damaged, not wrong, is made anew.
  await changeGolden(cacheFolder, (value) => value, { isDamaged: true });
  const mended = await system.startWorker();
  expect(find(mended.log, 'golden result is made')).toHaveLength(1);
  await mended.stop();
});

describe.skipIf(compiler === null)('with a C compiler', () => {
  /** One NPU, whose library computes as `env` says. */
  function withNpu(env: Readonly<Record<string, string>>) {
    const root = mkdtempSync(join(folder, 'machine-'));
    makeNpu(root, { address: '0000:c5:00.1' });
    // Compiled graphs of its own, whose placement was written down when they were compiled.
    const cacheFolder = join(root, 'cache');
    cpSync(join(folder, 'cache/golden'), join(cacheFolder, 'golden'), { recursive: true });
    return {
      ...SMALL,
      ...vendor?.env,
      RYZEN_AI_INSTALLATION_PATH: vendor?.installation ?? '',
      AMANUENSIS_WORKER_SYSTEM_ROOT: root,
      AMANUENSIS_WORKER_LOCK_FOLDER: join(root, 'lock'),
      STAND_IN_NPU: '400',
      AMANUENSIS_WORKER_CACHE_FOLDER: cacheFolder,
      ...env,
    };
  }

  test('an NPU that computes wrong is not used, health says so, and the CPU goes on', {
    timeout: 2 * DEADLINE_MS,
  }, async () => {
    const workerEnv = withNpu({ STAND_IN_NOISE: '0.5', AMANUENSIS_WORKER_CPU_DEVICES: '1' });
    const system = await start({ workerEnv });
    const reason =
      /its encoder of demo \(VitisAIExecutionProvider\) is wrong: the cosine .* is 0\.\d+/;
    expect(system.worker.ready).toMatchObject({ devices: [{ device: 'cpu0' }] });
    const [refused] = (await system.devices()).filter(({ device }) => device === 'npu0');
    expect(refused).toMatchObject({
      state: 'refused',
      models: [],
      refusal: expect.stringMatching(reason),
    });
    const health = await fetch(`${String(system.api.ready.url)}/health`);
    const { status, warnings } = (await health.json()) as { status: string; warnings: string[] };
    expect(status).toBe('degraded');
    expect(warnings).toEqual([
      expect.stringMatching(/^The device npu0 of \S+ is not used: its enc/),
    ]);
    await using jobs = await openSubmitter(system);
    const { transcript } = await jobs.finished(await jobs.submit(samplePath('standup.wav')));
    expect(transcript?.ran_on).toEqual({
      device: 'cpu0',
      execution_provider: 'CPUExecutionProvider',
    });
  });

  test('an NPU that computes well takes jobs, and results name it', {
    timeout: 2 * DEADLINE_MS,
  }, async () => {
    const system = await start({ api: false, workerEnv: withNpu({ REQUIRE_NPU: '1' }) });
    await using jobs = await openSubmitter(system);
    const { transcript } = await jobs.finished(await jobs.submit(samplePath('standup.wav')));
    expect(transcript?.ran_on).toEqual({
      device: 'npu0',
      execution_provider: 'VitisAIExecutionProvider',
    });
    await system.worker.stop();
    const wrong: readonly (readonly [Record<string, string>, RegExp])[] = [
      [{ STAND_IN_NOISE: '0.5' }, /no NPU can be used, and one is required: npu0: its encoder/],
      [{ STAND_IN_NPU: '0' }, /npu0: all 13 nodes of the encoder run on the CPU/],
      [{ STAND_IN_NPU: '' }, /does not report which nodes run on the NPU, and requireNpu is set/],
    ];
    for (const [env, reason] of wrong) {
      expect(await failedStart(system, withNpu({ REQUIRE_NPU: '1', ...env }))).toMatch(reason);
    }
  });
});

async function changeGolden(
  cacheFolder: string,
  change: (value: number, index: number) => number,
  { isDamaged = false } = {},
): Promise<void> {
  const golden = join(cacheFolder, 'golden');
  const [name = ''] = readdirSync(golden).filter((each) => each.endsWith('.f32'));
  const content = await readFile(join(golden, name));
  const bytes = Uint8Array.prototype.slice.call(content, SUM_BYTES);
  await writeGolden(join(golden, name), new Float32Array(bytes.buffer).map(change));
  if (!isDamaged) return;
  await truncate(join(golden, name), content.length - 4);
}
