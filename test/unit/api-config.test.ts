/** The configuration of the API: what holds by default, and what is refused. */

import { ConfigError } from '@amanuensis/config';
import { expect, test } from 'vitest';
import { loadApiConfig } from '../../apps/api/src/config.ts';

const load = (env: Readonly<Record<string, string>>) =>
  loadApiConfig({ env: { REDIS_URL: 'redis://127.0.0.1:1', ...env }, cwd: '/nowhere' });

test('by default it serves the demonstration model on loopback', () => {
  expect(load({})).toEqual({
    redisUrl: 'redis://127.0.0.1:1',
    dataFolder: '/nowhere/.amanuensis',
    logLevel: 'info',
    host: '127.0.0.1',
    port: 3000,
    maxUploadBytes: 2_147_483_648,
    models: ['demo'],
    defaultModel: 'demo',
    webhookAllowedHosts: [],
    keepCompletedSeconds: 604_800,
    keepFailedSeconds: 604_800,
  });
});

test('the first model is the default one', () => {
  expect(load({ AMANUENSIS_API_MODELS: '[base, demo]' }).defaultModel).toBe('base');
});

test.each<[Record<string, string>, string]>([
  [{ REDIS_URL: '' }, 'redisUrl: set REDIS_URL'],
  [
    { AMANUENSIS_API_MODELS: '[a]', AMANUENSIS_API_DEFAULT_MODEL: 'b' },
    'defaultModel: b is not one of models',
  ],
  [{ AMANUENSIS_API_MODELS: '[]' }, 'models: '],
  [{ AMANUENSIS_API_PORT: '70000' }, 'port: '],
  [{ AMANUENSIS_API_WEBHOOK_SECRET: 'secret' }, 'webhookSecret: must be whsec_'],
  [{ AMANUENSIS_API_WEBHOOK_ALLOWED_HOSTS: '["http://a/"]' }, 'must be host:port'],
  [{ AMANUENSIS_API_WEBHOOK_ALLOWED_HOSTS: '[localhost]' }, 'must be host:port'],
  [{ AMANUENSIS_API_PROT: '1' }, 'AMANUENSIS_API_PROT: there is no such setting'],
])('refuses %j', (env, message) => {
  expect(() => load(env)).toThrow(ConfigError);
  expect(() => load(env)).toThrow(message);
});
