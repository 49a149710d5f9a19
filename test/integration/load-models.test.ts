/** The settings of the worker that its pools live by, with a clock that the test moves. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@amanuensis/log';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { loadWorkerConfig } from '../../apps/worker/src/config.ts';
import { loadModels } from '../../apps/worker/src/load-models.ts';
import { onCpu } from '../support/devices.ts';

const LIMIT = { initial: 0, max: 1 };
const POOLS = { audio: LIMIT, mel: LIMIT, encoder_output: LIMIT, kv_cache: LIMIT };
const SECOND_MS = 1_000;
/** Of pino. */
const WARN = 40;

const cwd = mkdtempSync(join(tmpdir(), 'amanuensis-load-'));
afterEach(() => vi.useRealTimers());
afterAll(() => rmSync(cwd, { recursive: true }));

async function load(settings: Readonly<Record<string, string>>) {
  const env = {
    REDIS_URL: 'redis://127.0.0.1:1',
    AMANUENSIS_WORKER_POOLS: JSON.stringify(POOLS),
    AMANUENSIS_WORKER_LANES_PER_JOB: '1',
    ...settings,
  };
  const logLines: string[] = [];
  const log = createLogger('worker', 'info', { write: (line) => void logLines.push(line) });
  const config = loadWorkerConfig({ env, cwd });
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  const [loaded] = await loadModels(config, onCpu(log));
  if (loaded === undefined) throw new Error('no model was loaded');
  const { whisper, pools } = loaded;
  return {
    pools,
    leaksLogged: () =>
      logLines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'slot leaked'),
    async [Symbol.asyncDispose]() {
      pools[Symbol.dispose]();
      await whisper.release();
    },
  };
}

test('a slot that is held a minute longer than a job may take is a leak, and is told once', async () => {
  await using worker = await load({ AMANUENSIS_WORKER_JOB_TIMEOUT_SECONDS: '30' });
  const leaked = () => worker.pools.all.map((pool) => pool.stats().leaked);
  const job = worker.pools.acquire('job_1/1');
  vi.advanceTimersByTime(89 * SECOND_MS);
  expect(leaked()).toEqual([0, 0, 0, 0]);
  expect(worker.leaksLogged()).toEqual([]);
  vi.advanceTimersByTime(60 * SECOND_MS);
  expect(leaked()).toEqual([1, 1, 1, 1]);
  expect(worker.leaksLogged()).toMatchObject(
    ['audio', 'mel', 'encoder_output', 'kv_cache'].map((pool) => ({
      level: WARN,
      model: 'demo',
      pool,
      slot: 0,
      owner: 'job_1/1',
    })),
  );
  for (const { ageMs } of worker.leaksLogged()) {
    expect(ageMs).toBeGreaterThan(90 * SECOND_MS);
    expect(ageMs).toBeLessThan(92 * SECOND_MS);
  }
  job[Symbol.dispose]();
  expect(leaked()).toEqual([0, 0, 0, 0]);
});

test.runIf(process.platform === 'linux')(
  'a slot beyond the initial ones keeps its memory for as long as is set',
  async () => {
    await using worker = await load({ AMANUENSIS_WORKER_POOL_IDLE_SECONDS: '20' });
    const allocations = () => worker.pools.all.map((pool) => pool.stats().allocations);
    worker.pools.acquire('job_1/1')[Symbol.dispose]();
    vi.advanceTimersByTime(19 * SECOND_MS);
    expect(allocations()).toEqual([1, 1, 1, 1]);
    vi.advanceTimersByTime(3 * SECOND_MS);
    expect(allocations()).toEqual([0, 0, 0, 0]);
  },
);
