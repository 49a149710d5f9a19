import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, loadConfig } from '@amanuensis/config';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';

const shape = {
  port: z.int().default(3000),
  allowedHosts: z.array(z.string()).default([]),
  secret: z.string().optional(),
};
let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'amanuensis-config-'));
});
afterEach(() => rmSync(cwd, { recursive: true }));

const write = (text: string): void => writeFileSync(join(cwd, 'amanuensis.yaml'), text);
const load = (env: Record<string, string> = {}) => loadConfig('api', shape, { env, cwd });

function problemsOf(env: Record<string, string> = {}): readonly string[] {
  try {
    load(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

test('defaults, then the file, then variables', () => {
  expect(load()).toMatchObject({ port: 3000, dataFolder: join(cwd, '.amanuensis') });
  write('dataFolder: data\napi: { port: 1 }\nworker: { anything: true }\n');
  expect(load()).toMatchObject({ port: 1, dataFolder: join(cwd, 'data') });
  const env = { AMANUENSIS_API_PORT: '2', AMANUENSIS_API_ALLOWED_HOSTS: '[a:1, b:2]' };
  expect(load(env)).toMatchObject({ port: 2, allowedHosts: ['a:1', 'b:2'] });
});

test('REDIS_URL is read, and an empty variable is as good as none', () => {
  expect(load({ REDIS_URL: 'redis://h:1' }).redisUrl).toBe('redis://h:1');
  expect(load({ AMANUENSIS_API_PORT: '' }).port).toBe(3000);
});

test('everything that is wrong is said at once, without the values', () => {
  write('dataFoldr: x\napi: { port: no, redisUrl: "redis://h" }\n');
  const problems = problemsOf({
    AMANUENSIS_FOO: '1',
    AMANUENSIS_API_SECRET: '[top-secret',
    AMANUENSIS_WORKER_FOO: "is the worker's to refuse",
  });
  expect(problems).toEqual([
    'api.redisUrl: stands at the top level',
    'AMANUENSIS_FOO: there is no such setting',
    expect.stringMatching(/^AMANUENSIS_API_SECRET: is no YAML value/),
    expect.stringMatching(/^port: /),
    expect.stringMatching(/dataFoldr/),
  ]);
  expect(problems.join()).not.toContain('top-secret');
});

test('a named file must be there, and be a mapping', () => {
  expect(problemsOf({ AMANUENSIS_CONFIG: 'other.yaml' })).toEqual([
    `${join(cwd, 'other.yaml')}: cannot be read`,
  ]);
  write('- a list\n');
  expect(problemsOf()).toEqual([`${join(cwd, 'amanuensis.yaml')}: must be a mapping`]);
});

test('it is frozen, all the way down', () => {
  const config = load({ AMANUENSIS_API_ALLOWED_HOSTS: '[a:1]' });
  expect(Object.isFrozen(config)).toBe(true);
  expect(Object.isFrozen(config.allowedHosts)).toBe(true);
});
