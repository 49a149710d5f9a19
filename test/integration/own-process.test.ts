/** How the end of a child process is told: what ends well, and what does not. */

import { expect, onTestFinished, test } from 'vitest';
import { OwnProcess } from '../../apps/cli/src/own-process.ts';

const LONG_MS = 20_000;

test('one that ends with 0 when it is asked has ended well', async () => {
  const child = await start('process.on("SIGTERM", () => process.exit(0))');
  await expect(child.stop(LONG_MS)).resolves.toBeNull();
});

test.each([
  ['process.exit(3)', LONG_MS, 'exit code 3'],
  ['process.kill(process.pid, "SIGABRT")', LONG_MS, 'signal SIGABRT'],
  ['undefined', 200, 'killed, because it was not gone after 0.2 s'],
])('one that answers with %s has not', async (answer, timeoutMs, how) => {
  const child = await start(`process.on("SIGTERM", () => ${answer})`);
  await expect(child.stop(timeoutMs)).resolves.toBe(how);
});

test('one that ended before has not, whatever its exit code', async () => {
  const child = await start('process.exit(0)');
  await child.exited;
  await expect(child.stop(LONG_MS)).resolves.toBe('exit code 0, before it was asked to');
});

test('one that was killed while it ended has not', async () => {
  const child = await start('process.on("SIGTERM", () => process.send("ends"))');
  const kill = new AbortController();
  const ends = new Promise<void>((resolve) => child.onMessage(() => resolve()));
  const stopped = child.stop(LONG_MS, kill.signal);
  await ends;
  kill.abort();
  await expect(stopped).resolves.toBe('signal SIGKILL');
});

test('one that cannot be started has not', async () => {
  const child = new OwnProcess({ name: 'none', command: '/nowhere', args: [] });
  await child.exited;
  await expect(child.stop(LONG_MS)).resolves.toMatch(/, before it was asked to$/);
});

/** A Node process that runs the script, then waits; resolves when the script has run. */
async function start(script: string): Promise<OwnProcess> {
  let line = (): void => undefined;
  const hasRun = new Promise<void>((resolve) => {
    line = resolve;
  });
  const child = new OwnProcess({
    name: 'child',
    command: process.execPath,
    args: ['--eval', `setInterval(() => {}, 1000); ${script}; console.log("runs")`],
    channel: true,
    onLine: line,
  });
  onTestFinished(async () => void (await child.stop(0)));
  await Promise.race([hasRun, child.exited]);
  return child;
}
