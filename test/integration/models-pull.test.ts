/** `amanuensis models` as users run it, against a hub on loopback. */

import { readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { loadWhisper, openInferenceEngine } from '@amanuensis/pipeline';
import { expect, onTestFinished, test, vi } from 'vitest';
import { loadApiConfig } from '../../apps/api/src/config.ts';
import { loadWorkerConfig } from '../../apps/worker/src/config.ts';
import { runCli, startCli, temporaryFolder } from '../support/cli.ts';
import { filesOf } from '../support/hub-model.ts';
import { type HubServer, startHubServer } from '../support/hub-server.ts';
import { DEMO_MODEL, ROOT } from '../support/paths.ts';

const NAME = 'someone/whisper-demo';
const WEIGHTS = 'model.safetensors';
const WEIGHTS_BYTES = statSync(join(DEMO_MODEL, WEIGHTS)).size;
const MIB = 1024 * 1024;
const DEADLINE_MS = 30_000;

async function setUp() {
  const hub = await startHubServer({ [NAME]: { files: filesOf(DEMO_MODEL) } });
  onTestFinished(() => hub[Symbol.asyncDispose]());
  const AMANUENSIS_DATA_FOLDER = await temporaryFolder();
  const env = { AMANUENSIS_DATA_FOLDER, HF_ENDPOINT: `${hub.endpoint}/`, HF_TOKEN: '' };
  const models = join(AMANUENSIS_DATA_FOLDER, 'models');
  return { hub, env, models, folder: join(models, 'whisper-demo') };
}

const weightsOf = (hub: HubServer) => hub.transfers.filter(({ name }) => name === WEIGHTS);

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

test('a pulled model is served by what the command prints', { timeout: 60_000 }, async () => {
  const { env, folder } = await setUp();
  const { exitCode, stdout, stderr } = await runCli(['models', 'pull', NAME], env);
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toMatch(/^8\.24 MB of 8\.24 MB are to come\nconfig\.json\n.*100 %\n$/s);
  const [facts = '', yaml = ''] = stdout.split('add to amanuensis.yaml:\n\n');
  expect(facts).toContain('3.98 M parameters (F16) · en · 8.24 MB, 8.24 MB of them fetched');

  const cwd = await temporaryFolder();
  writeFileSync(join(cwd, 'amanuensis.yaml'), yaml);
  const source = { env: { REDIS_URL: 'redis://127.0.0.1:1' }, cwd };
  expect(loadApiConfig(source).models).toEqual(['whisper-demo']);
  const { models } = loadWorkerConfig(source);
  expect(models).toEqual({ 'whisper-demo': folder });

  const engine = await openInferenceEngine();
  const model = await loadWhisper(folder, engine, { name: 'whisper-demo', intraOpThreads: 1 });
  expect(model.checksums).toBe('verified');
  await model.release();
});

test('a folder below the working folder is named from there', { timeout: 60_000 }, async () => {
  const to = join(ROOT, '.setup/models-pull/tiny.en');
  onTestFinished(() => rmSync(join(to, '..'), { recursive: true }));
  const { env } = await setUp();
  const { stdout, stderr } = await runCli(
    ['models', 'pull', NAME, '--to', relative(ROOT, to)],
    env,
  );
  expect(stdout, stderr).toContain('\n    tiny.en: ./.setup/models-pull/tiny.en\n');
  expect(sizeOf(join(to, WEIGHTS))).toBe(WEIGHTS_BYTES);
});

test('after a crash in the middle the next one goes on', { timeout: 90_000 }, async () => {
  const { hub, env, folder, models } = await setUp();
  hub.fault = ({ name, start }) =>
    name === WEIGHTS && start === 0 ? { kind: 'stall', afterBytes: 5 * MIB } : null;
  const first = startCli(['models', 'pull', NAME], env);
  const part = join(models, '.whisper-demo.pull/files', `${WEIGHTS}.part`);
  await vi.waitUntil(() => sizeOf(part) === 5 * MIB, { timeout: DEADLINE_MS });

  const meanwhile = await runCli(['models', 'pull', NAME], env);
  expect(meanwhile.exitCode).toBe(1);
  expect(meanwhile.stderr).toBe(`Another process is fetching ${folder}.\n`);

  first.child.kill('SIGKILL');
  await first.exited();
  expect(sizeOf(join(folder, 'config.json'))).toBe(0);

  const before = hub.transfers.length;
  const { exitCode, stdout, stderr } = await runCli(['models', 'pull', NAME], env);
  expect(exitCode, stderr).toBe(0);
  const rest = hub.transfers.slice(before);
  expect(rest).toEqual([
    expect.objectContaining({
      name: WEIGHTS,
      start: 5 * MIB,
      sentBytes: WEIGHTS_BYTES - 5 * MIB,
    }),
  ]);
  expect(stdout).toContain('8.24 MB, 2.73 MB of them fetched');
  const verified = await runCli(['models', 'verify', 'whisper-demo'], env);
  expect(verified).toMatchObject({
    exitCode: 0,
    stdout: 'whisper-demo: intact (6 files compared)\n',
  });
});

test.each(['SIGINT', 'SIGTERM'] as const)(
  '%s ends it and says how to go on',
  { timeout: 60_000 },
  async (signal) => {
    const { hub, env, models } = await setUp();
    hub.fault = ({ name, start }) =>
      name === WEIGHTS && start === 0 ? { kind: 'stall', afterBytes: MIB } : null;
    const cli = startCli(['models', 'pull', NAME], env);
    const part = join(models, '.whisper-demo.pull/files', `${WEIGHTS}.part`);
    await vi.waitUntil(() => sizeOf(part) === MIB, { timeout: DEADLINE_MS });
    cli.child.kill(signal);
    expect(await cli.exited()).toBe(1);
    expect(cli.output.stderr).toMatch(
      /Stopped; the same command goes on where this one stopped\.\n$/,
    );
    await runCli(['models', 'pull', NAME], env);
    expect(weightsOf(hub).at(-1)?.start).toBe(MIB);
  },
);

test('a server that cuts connections is lived with', { timeout: 60_000 }, async () => {
  const { hub, env } = await setUp();
  hub.fault = ({ name, start }) =>
    name === WEIGHTS && start < 4 * MIB ? { kind: 'cut', afterBytes: 2 * MIB } : null;
  const { exitCode, stderr } = await runCli(['models', 'pull', NAME], env);
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toContain('once more: model.safetensors was interrupted: ');
  expect(weightsOf(hub).length).toBeGreaterThan(1);
});

test('damage is listed, found and repaired', { timeout: 90_000 }, async () => {
  const { hub, env, folder } = await setUp();
  await runCli(['models', 'pull', NAME], env);
  const weights = readFileSync(join(folder, WEIGHTS));
  weights.writeUInt8(weights.readUInt8(WEIGHTS_BYTES - 1) ^ 0x80, WEIGHTS_BYTES - 1);
  writeFileSync(join(folder, WEIGHTS), weights);
  truncateSync(join(folder, 'tokenizer_config.json'), 5);

  const damaged = await runCli(['models', 'verify'], env);
  expect(damaged.exitCode).toBe(1);
  expect(damaged.stderr).toMatch(/^1 of \d models: damaged\n$/);
  const lines = damaged.stdout.split('\n');
  expect(lines).toContain('demo: intact (6 files compared)');
  expect(lines).toContain('whisper-demo: damaged');
  for (const name of [WEIGHTS, 'tokenizer_config.json']) {
    expect(damaged.stdout).toContain(`${join(folder, name)} is not what SHA256SUMS says`);
  }
  expect(lines).toContain(`  \`amanuensis models pull ${NAME}\` repairs it`);

  const before = hub.transfers.length;
  expect((await runCli(['models', 'pull', NAME], env)).exitCode).toBe(0);
  expect(hub.transfers.slice(before)).toHaveLength(2);
  expect((await runCli(['models', 'verify', folder], env)).exitCode).toBe(0);
});

test('the list says what there is, to people and to programs', { timeout: 60_000 }, async () => {
  const { env, folder, models } = await setUp();
  await runCli(['models', 'pull', NAME], env);
  const { stdout } = await runCli(['models', 'list'], env);
  expect(stdout).toMatch(
    /│ whisper-demo │ 3\.98 M parameters \(F16\) │ en +│ recorded +│ someone\/wh/,
  );
  expect(stdout).toMatch(
    /│ demo +│ 3\.98 M parameters \(F16\) │ en +│ recorded +│ +│ models\/demo/,
  );

  truncateSync(join(folder, 'config.json'), 5);
  const { exitCode, stdout: json } = await runCli(['models', 'list', '--json'], env);
  expect(exitCode).toBe(0);
  const listed: unknown = JSON.parse(json);
  expect(listed).toEqual([
    expect.objectContaining({
      name: 'whisper-demo',
      folder: join(models, 'whisper-demo'),
      whisper: null,
      problem: expect.stringContaining('config.json is not JSON'),
      source: { repository: NAME, commit: expect.stringMatching(/^[0-9a-f]{40}$/) },
    }),
    {
      name: 'demo',
      folder: DEMO_MODEL,
      bytes: expect.any(Number),
      checksums: 'recorded',
      source: null,
      whisper: { parameters: 3_978_624, weightTypes: ['F16'], languages: ['en'] },
      problem: null,
    },
  ]);
});

test('without a hub it fails with its address', async () => {
  const { env } = await setUp();
  const offline = { ...env, HF_ENDPOINT: 'http://127.0.0.1:1' };
  const { exitCode, stderr } = await runCli(['models', 'pull', NAME], offline);
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/^http:\/\/127\.0\.0\.1:1 cannot be reached: .*\n$/);
});

test('HF_TOKEN is the key to what is private', { timeout: 60_000 }, async () => {
  const { hub, env } = await setUp();
  hub.models.set(NAME, { files: filesOf(DEMO_MODEL), token: 'secret' });
  const without = await runCli(['models', 'pull', NAME], env);
  expect(without.exitCode).toBe(1);
  expect(without.stderr).toContain('set HF_TOKEN');
  const { exitCode, stderr } = await runCli(['models', 'pull', NAME], {
    ...env,
    HF_TOKEN: 'secret',
  });
  expect(exitCode, stderr).toBe(0);
  expect(stderr).not.toContain('secret');
});

test.each([
  [['pull', 'whisper-base'], 2, 'A repository is named like openai/whisper-base.'],
  [['pull', 'https://hub.example/openai/whisper-base'], 2, 'A repository is named like'],
  [['pull', NAME, '--to', '/tmp/a model'], 2, "The folder's name becomes the model's"],
  [['pull', `someone/${'x'.repeat(70)}`], 1, 'choose another with --to'],
  [['fetch', NAME], 2, 'unknown command'],
  [['verify', 'nothing'], 1, 'There is no model nothing'],
])('models %j exits with %i', async (args, code, message) => {
  const { env } = await setUp();
  const { exitCode, stderr } = await runCli(['models', ...args], env);
  expect(stderr).toContain(message);
  expect(exitCode).toBe(code);
});
