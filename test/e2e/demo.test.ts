/** The demonstration, as a user runs it. */

import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type RunningCli, runCli, startCli, temporaryFolder } from '../support/cli.ts';
import { SAMPLES } from '../support/paths.ts';
import { commandOf, descendantsOf, isRunning } from '../support/processes.ts';

const NAMES = ['call.wav', 'dictation.mp3', 'standup.wav', 'voicemail.wav'];

test('prints how well each sample was understood, exits 0, leaves nothing behind', {
  timeout: 300_000,
}, async () => {
  // What a file manager leaves in a folder that somebody looked into.
  const stray = join(SAMPLES, `.stray-${process.pid}`);
  await writeFile(stray, 'no recording', { flag: 'wx' });
  onTestFinished(() => rm(stray));
  const TMPDIR = await temporaryFolder();
  const seen = new Set<number>();
  // What the user configured for a system of theirs must not reach the demonstration's.
  const env = { REDIS_URL: 'redis://127.0.0.1:1', AMANUENSIS_API_PORT: '1', TMPDIR };
  const cli = startCli(['demo'], env);
  await vi.waitUntil(
    () => {
      for (const pid of descendantsOf(cli.child.pid)) seen.add(pid);
      return cli.output.stdout.includes('All 4 recordings') || cli.child.exitCode !== null;
    },
    { timeout: 240_000, interval: 250 },
  );
  expect(await cli.exited(), cli.output.stderr).toBe(0);

  const { stdout } = cli.output;
  for (const name of NAMES) {
    expect(stdout).toMatch(
      new RegExp(
        `^${name}: WER \\d+\\.\\d % \\(\\d+ of \\d+ words\\) · RTFx \\d+\\.\\d · .* · ` +
          'cpu0, CPUExecutionProvider · webhook verified$',
        'm',
      ),
    );
  }
  expect(stdout).toContain('standup.wav: WER 0.0 % (0 of 25 words)');
  expect(stdout).toContain('1,400 words of synthetic speech');
  // Redis, the API, the supervisor and its device worker at least.
  expect(seen.size).toBeGreaterThanOrEqual(4);
  expect([...seen].filter(isRunning)).toEqual([]);
  expect(await readdir(TMPDIR)).toEqual([]);
});

test('Ctrl-C in the middle cleans up', { timeout: 120_000 }, async () => {
  const TMPDIR = await temporaryFolder();
  const cli = startCli(['demo'], { TMPDIR });
  await vi.waitUntil(() => cli.output.stderr.includes('processing'), {
    timeout: 60_000,
    interval: 20,
  });
  const pids = descendantsOf(cli.child.pid);
  cli.child.kill('SIGINT');
  expect(await cli.exited()).toBe(1);
  expect(cli.output.stderr).toContain('Stopped by SIGINT.');
  expect(pids.length).toBeGreaterThanOrEqual(4);
  expect(pids.filter(isRunning)).toEqual([]);
  expect(await readdir(TMPDIR)).toEqual([]);
});

test.each([
  ['api', 'SIGSTOP', 'api: killed, because it was not gone after 10 s'],
  ['worker', 'SIGKILL', 'worker: signal SIGKILL'],
] as const)(
  'the %s, sent %s when all is done, makes it fail',
  { timeout: 120_000 },
  async (name, signal, how) => {
    const cli = startCli(['demo']);
    let part = -1;
    cli.child.stdout?.on('data', () => {
      if (part !== -1) return;
      // The last that it writes before it stops the parts, of which the worker is the first.
      if (cli.output.stdout.includes('All 4 recordings')) {
        part = partOf(cli, name);
        process.kill(part, signal);
      }
    });
    expect(await cli.exited()).toBe(1);
    expect(cli.output.stderr).toContain(`Not all ended cleanly: ${how}`);
    expect(cli.output.stdout).not.toContain('Stopped.');
    expect(isRunning(part)).toBe(false);
  },
);

test('a part that is killed in the middle makes it fail', { timeout: 120_000 }, async () => {
  const cli = startCli(['demo']);
  await vi.waitUntil(() => cli.output.stderr.includes('processing'), {
    timeout: 60_000,
    interval: 20,
  });
  process.kill(partOf(cli, 'api'), 'SIGKILL');
  expect(await cli.exited()).toBe(1);
  expect(cli.output.stderr).toContain('cleanly: api: signal SIGKILL, before it was asked to');
  expect(cli.output.stdout).not.toContain('Stopped.');
});

test('a job that fails is named, and so is why', { timeout: 120_000 }, async () => {
  const env = { AMANUENSIS_WORKER_MAX_DURATION_SECONDS: '60' };
  const { exitCode, stderr } = await runCli(['demo'], env);
  expect(stderr).toMatch(/^call\.wav failed: audio_too_long: /m);
  expect(exitCode).toBe(1);
});

test('a part that does not come up is named, and so is why', { timeout: 120_000 }, async () => {
  const env = { AMANUENSIS_WORKER_MODELS: '{demo: /nowhere}' };
  const { exitCode, stderr } = await runCli(['demo'], env);
  expect(stderr).toMatch(/^The worker did not come up: exit code 1\. It wrote last:\n/m);
  expect(stderr).toContain('/nowhere');
  expect(exitCode).toBe(1);
});

/** The process id of one of its parts. */
function partOf({ child }: RunningCli, name: 'api' | 'worker'): number {
  const entry = `apps/${name}/dist/main.js`;
  const pid = descendantsOf(child.pid).find((part) => commandOf(part).includes(entry));
  if (pid === undefined) throw new Error(`there is no ${name}`);
  return pid;
}
