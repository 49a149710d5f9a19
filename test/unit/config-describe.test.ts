/** Where each value of a configuration comes from, and what is not shown of it. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConfigEntry, describeConfig, loadConfig } from '@amanuensis/config';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { describeWorkerSettings } from '../../apps/worker/src/config.ts';
import { printConfig } from '../../apps/worker/src/print-config.ts';

const limit = z.strictObject({ initial: z.int().default(1), max: z.int().default(2) }).prefault({});
const shape = {
  port: z.int().default(3000),
  pools: z.strictObject({ audio: limit, mel: limit }).prefault({}),
  hosts: z.array(z.string()).default([]),
  secret: z.string().optional(),
};
const aliases = { PORT: 'port' };
let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'amanuensis-config-'));
});
afterEach(() => rmSync(cwd, { recursive: true }));

const write = (text: string): void => writeFileSync(join(cwd, 'amanuensis.yaml'), text);

function describe(env: Record<string, string> = {}): Record<string, [string, string]> {
  const config = loadConfig('api', shape, { env, cwd }, aliases);
  return byKey(describeConfig(config, { section: 'api', shape, aliases }, { env, cwd }));
}

function byKey(entries: readonly ConfigEntry[]): Record<string, [string, string]> {
  return Object.fromEntries(entries.map(({ key, value, origin }) => [key, [value, origin]]));
}

test('each leaf has the origin of its own value', () => {
  const file = join(cwd, 'amanuensis.yaml');
  write('logLevel: warn\napi: { pools: { audio: { max: 9 } }, hosts: [a, b] }\n');
  expect(describe()).toEqual({
    dataFolder: [join(cwd, '.amanuensis'), 'default'],
    logLevel: ['warn', file],
    'api.port': ['3000', 'default'],
    'api.pools.audio.initial': ['1', 'default'],
    'api.pools.audio.max': ['9', file],
    'api.pools.mel.initial': ['1', 'default'],
    'api.pools.mel.max': ['2', 'default'],
    'api.hosts': ['["a","b"]', file],
  });
});

test('a variable sets its key as a whole, and an alias yields to the variable of ours', () => {
  write('api: { port: 1, pools: { audio: { max: 9 } } }\n');
  const pools = { AMANUENSIS_API_POOLS: '{ mel: { max: 3 } }' };
  expect(describe({ ...pools, PORT: '5' })).toMatchObject({
    'api.port': ['5', 'PORT'],
    'api.pools.audio.max': ['2', 'default'],
    'api.pools.mel.max': ['3', 'AMANUENSIS_API_POOLS'],
  });
  expect(describe({ PORT: '5', AMANUENSIS_API_PORT: '6' })).toMatchObject({
    'api.port': ['6', 'AMANUENSIS_API_PORT'],
  });
});

test('secrets and passwords are masked', () => {
  const env = {
    REDIS_URL: 'redis://user:pass%40word@h:6379/1',
    AMANUENSIS_API_SECRET: 'whsec_abc',
    AMANUENSIS_API_HOSTS: '["http://a:b@c", "http://d@e"]',
  };
  expect(describe(env)).toMatchObject({
    redisUrl: ['redis://user:***@h:6379/1', 'REDIS_URL'],
    'api.secret': ['***', 'AMANUENSIS_API_SECRET'],
    'api.hosts': ['["http://a:***@c","http://d@e"]', 'AMANUENSIS_API_HOSTS'],
  });
  expect(describe({ REDIS_URL: 'redis://:word@h' }).redisUrl?.[0]).toBe('redis://:***@h');
});

test('the worker shows what is not set as well, and needs no Redis for it', () => {
  const source = { env: { REQUIRE_NPU: '1', RYZEN_AI_INSTALLATION_PATH: '/opt/amd' }, cwd };
  expect(byKey(describeWorkerSettings(source))).toMatchObject({
    redisUrl: ['(not set)', 'default'],
    'worker.requireNpu': ['true', 'REQUIRE_NPU'],
    'worker.ryzenAiFolder': ['/opt/amd', 'RYZEN_AI_INSTALLATION_PATH'],
    'worker.threadsPerRun': ['(not set)', 'default'],
    'worker.cacheFolder': [join(cwd, '.amanuensis/cache'), 'default'],
    'worker.devices': ['auto', 'default'],
  });
  const table = printConfig(source);
  expect(table).toMatch(/worker\.requireNpu .* true .* REQUIRE_NPU/);
});
