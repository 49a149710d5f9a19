/** How a device worker leaves, with its real model and pools: whether it was clean. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DeviceStatus } from '@amanuensis/contract';
import { createLogger } from '@amanuensis/log';
import { expect, onTestFinished, test } from 'vitest';
import { loadWorkerConfig } from '../../apps/worker/src/config.ts';
import { DeviceReport } from '../../apps/worker/src/device-report.ts';
import { drain } from '../../apps/worker/src/drain.ts';
import { loadModels } from '../../apps/worker/src/load-models.ts';
import { onCpu } from '../support/devices.ts';
import { startRedis } from '../support/redis.ts';

test('a slot that was not released makes the end unclean', async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const cwd = await mkdtemp(join(tmpdir(), 'amanuensis-drain-'));
  onTestFinished(() => rm(cwd, { recursive: true, force: true }));
  const lines: string[] = [];
  const log = createLogger('worker', 'info', { write: (line) => void lines.push(line) });
  const config = loadWorkerConfig({ env: { REDIS_URL: redis.url }, cwd });
  const models = await loadModels(config, onCpu(log));
  const leave = async () => {
    const report = new DeviceReport(redis.url, () => ({ workerId: 'test' }) as DeviceStatus, log);
    return drain({ consumers: [], report, models }, 1_000, log);
  };
  const lent = models[0]?.pools.acquire('a job that forgets');
  expect(await leave()).toBe(false);
  const errors = lines.map((line) => JSON.parse(line)).filter(({ level }) => level >= 50);
  expect(errors.map(({ msg, pool }) => `${msg}: ${pool}`)).toEqual([
    'slots were not released: audio',
    'slots were not released: mel',
    'slots were not released: encoder_output',
    'slots were not released: kv_cache',
  ]);
  lent?.[Symbol.dispose]();
  expect(await leave()).toBe(true);
});
