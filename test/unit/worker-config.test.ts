/** The worker's configuration: defaults, and what is refused. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadWorkerConfig, precisionOf } from '../../apps/worker/src/config.ts';

const REDIS_URL = 'redis://127.0.0.1:1';
let cwd: string;

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'amanuensis-config-'));
});
afterEach(() => rmSync(cwd, { recursive: true }));

const load = (env: Record<string, string>) => loadWorkerConfig({ env: { REDIS_URL, ...env }, cwd });

test('the demonstration model of the installation is the default, wherever it is started', () => {
  const root = new URL('../../models/demo', import.meta.url).pathname;
  expect(load({}).models).toEqual({ demo: root });
});

test('configured models lie relative to the working folder', () => {
  writeFileSync(join(cwd, 'amanuensis.yaml'), 'worker:\n  models: { base: models/base }\n');
  expect(load({}).models).toEqual({ base: join(cwd, 'models/base') });
});

test('a part of the pools may be set and the rest keeps its defaults', () => {
  const { pools } = load({ AMANUENSIS_WORKER_POOLS: '{ kv_cache: { max: 8 } }' });
  expect(pools.kv_cache).toEqual({ initial: 1, max: 8 });
  expect(pools.audio).toEqual({ initial: 5, max: 15 });
});

test('a pool cannot begin larger than it may become', () => {
  const pools = '{ mel: { initial: 3, max: 2 } }';
  expect(() => load({ AMANUENSIS_WORKER_POOLS: pools })).toThrow('pools.mel: initial must not');
});

test.each([
  'POOL_IDLE',
  'MAX_DURATION',
  'JOB_TIMEOUT',
  'LOCK',
  'HEARTBEAT_TIMEOUT',
  'START_TIMEOUT',
  'DRAIN_TIMEOUT',
])('%s_SECONDS that no timer can count are refused', (name) => {
  const variable = `AMANUENSIS_WORKER_${name}_SECONDS`;
  expect(() => load({ [variable]: '9999999' })).toThrow('must not be above 2147000 seconds');
  expect(() => load({ [variable]: '2147000' })).not.toThrow();
});

test('idle slots keep their memory for ten minutes, never for no time at all', () => {
  const variable = 'AMANUENSIS_WORKER_POOL_IDLE_SECONDS';
  expect(load({}).poolIdleSeconds).toBe(600);
  expect(load({ [variable]: '0.5' }).poolIdleSeconds).toBe(0.5);
  expect(() => load({ [variable]: '0' })).toThrow('poolIdleSeconds');
});

test('weights are float32 unless another precision is set, for all models or by name', () => {
  const models = '{ base: models/base, demo: models/demo }';
  const precisions = (precision: string) => {
    const config = load({
      AMANUENSIS_WORKER_MODELS: models,
      AMANUENSIS_WORKER_PRECISION: precision,
    });
    return Object.keys(config.models).map((model) => precisionOf(model, config));
  };
  expect(precisions('')).toEqual(['float32', 'float32']);
  expect(precisions('int8')).toEqual(['int8', 'int8']);
  expect(precisions('{ base: int8 }')).toEqual(['int8', 'float32']);
  expect(() => precisions('int4')).toThrow('precision: must be float32 or int8, or name one');
  expect(() => precisions('{ base: int4 }')).toThrow('precision: must be float32 or int8');
  expect(() => precisions('{ large: int8 }')).toThrow('precision.large: no model has this name');
});

test('a configured concurrency is refused with the reason', () => {
  expect(() => load({ AMANUENSIS_WORKER_CONCURRENCY: '4' })).toThrow(
    'concurrency: cannot be set: it is computed from the pools',
  );
});

test('without a Redis it says what to do', () => {
  expect(() => loadWorkerConfig({ env: {}, cwd })).toThrow('redisUrl: is needed (REDIS_URL)');
});

test('unknown settings and a worker without models are refused', () => {
  expect(() => load({ AMANUENSIS_WORKER_MODELS: '{}' })).toThrow('at least one model');
  writeFileSync(join(cwd, 'amanuensis.yaml'), 'worker: { lanes: 4 }\n');
  expect(() => load({})).toThrow('lanes');
});

test('the configuration is frozen', () => {
  const config = load({});
  expect(Object.isFrozen(config)).toBe(true);
  expect(Object.isFrozen(config.models)).toBe(true);
  expect(Object.isFrozen(config.pools.audio)).toBe(true);
});
