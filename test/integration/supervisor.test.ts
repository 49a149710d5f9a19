/** The supervisor under faults: processes really killed, stopped and asked to leave. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DeviceStatus, parseFailure } from '@amanuensis/contract';
import { expect, onTestFinished, test } from 'vitest';
import { ROOT } from '../support/paths.ts';
import { openSubmitter, samplePath } from '../support/submit.ts';
import { type SystemOptions, startSystem, type TestSystem } from '../support/system.ts';

/** A job of a dead worker is found after about two of these. */
const QUICK_LOCKS = { AMANUENSIS_WORKER_LOCK_SECONDS: '2' };
const DEADLINE_MS = 30_000;

const reference: Record<string, { text: string }> = JSON.parse(
  readFileSync(new URL('../fixtures/reference/transcripts.json', import.meta.url), 'utf8'),
);

test('a job whose worker is killed goes on in the next one', { timeout: 120_000 }, async () => {
  const { system, jobs } = await start(QUICK_LOCKS);
  const { pid } = await device(system);
  const id = await jobs.submit(samplePath('call.wav'));
  await system.worker.waitForLog(({ msg, jobId }) => msg === 'job starts' && jobId === id);
  process.kill(pid, 'SIGKILL');
  const { state, failedReason, attemptsStarted, result, transcript } = await jobs.finished(id);
  expect(state, failedReason).toBe('completed');
  expect(attemptsStarted).toBe(2);
  expect(result?.resultKey).toBe(`results/${id}/2.json`);
  expect(transcript?.text).toBe(reference['call.wav']?.text.trim());
  expect((await device(system)).pid).not.toBe(pid);
  expect(isRunning(pid)).toBe(false);
});

test('a job whose worker dies each time is given up', { timeout: 120_000 }, async () => {
  const { system, jobs } = await start(QUICK_LOCKS);
  const id = await jobs.submit(samplePath('call.wav'));
  for (let attempt = 1; attempt <= 3; attempt++) {
    // Not the pid that the device reports: for a moment that is still the one of its predecessor.
    const { pid } = await system.worker.waitForLog(
      (line) => line.msg === 'job starts' && line.jobId === id && line.attempt === attempt,
    );
    process.kill(Number(pid), 'SIGKILL');
  }
  const { state, failedReason } = await jobs.finished(id);
  expect(state).toBe('failed');
  expect(parseFailure(failedReason).code).toBe('worker_lost');
});

test('a worker that hangs is killed and replaced', { timeout: 60_000 }, async () => {
  const { system } = await start({ AMANUENSIS_WORKER_HEARTBEAT_TIMEOUT_SECONDS: '2' });
  const { pid } = await device(system);
  process.kill(pid, 'SIGSTOP');
  await system.worker.waitForLog(({ msg }) => msg === 'device worker hangs: killed');
  await expect.poll(() => isRunning(pid), { timeout: DEADLINE_MS }).toBe(false);
  await expect.poll(async () => (await device(system)).pid, { timeout: DEADLINE_MS }).not.toBe(pid);
});

test('a killed supervisor leaves no process behind', { timeout: 60_000 }, async () => {
  const { system, jobs } = await start();
  const { pid } = await device(system);
  const id = await jobs.submit(samplePath('call.wav'));
  await system.worker.waitForLog(({ msg, jobId }) => msg === 'job starts' && jobId === id);
  await expect.poll(() => childrenOf(pid).length, { timeout: DEADLINE_MS }).toBeGreaterThan(0);
  const before = [pid, ...childrenOf(pid)];
  system.worker.kill('SIGKILL');
  await system.worker.exited;
  await expect.poll(() => before.filter(isRunning), { timeout: DEADLINE_MS }).toEqual([]);
});

test('SIGTERM lets the running job finish and takes no other', { timeout: 60_000 }, async () => {
  const { system, jobs } = await start();
  const { pid } = await device(system);
  const [first, ...others] = await Promise.all(
    Array.from({ length: 4 }, () => jobs.submit(samplePath('standup.wav'))),
  );
  await system.worker.waitForLog(({ msg }) => msg === 'job starts');
  system.worker.kill('SIGTERM');
  expect(await system.worker.exited).toEqual({ code: 0, signal: null });
  expect(isRunning(pid)).toBe(false);
  expect(await system.devices(), 'its report is taken back').toEqual([]);
  const counts = await jobs.queue.getJobCounts('completed', 'prioritized', 'active', 'failed');
  expect(counts).toMatchObject({ active: 0, failed: 0 });
  expect(counts.completed).toBeGreaterThan(0);
  expect((counts.completed ?? 0) + (counts.prioritized ?? 0)).toBe(1 + others.length);
  expect(first).toBeDefined();
});

test('a job that cannot finish in time goes back, and another worker takes it at once', {
  timeout: 120_000,
}, async () => {
  const { system, jobs } = await start({ AMANUENSIS_WORKER_DRAIN_TIMEOUT_SECONDS: '0.05' });
  const id = await jobs.submit(samplePath('call.wav'));
  await system.worker.waitForLog(({ msg, jobId }) => msg === 'job starts' && jobId === id);
  system.worker.kill('SIGTERM');
  expect(await system.worker.exited).toEqual({ code: 0, signal: null });
  expect(system.worker.log.map(({ msg }) => msg)).toContain('job goes back to its queue');
  const job = await jobs.queue.getJob(id);
  expect(await job?.getState()).toBe('prioritized');
  await system.startWorker();
  const { state, attemptsStarted, transcript } = await jobs.finished(id);
  expect({ state, attemptsStarted }).toEqual({ state: 'completed', attemptsStarted: 2 });
  expect(transcript?.text).toBe(reference['call.wav']?.text.trim());
});

test('a device worker that does not leave cleanly makes the stop unclean', {
  timeout: 60_000,
}, async () => {
  const { system, jobs } = await start();
  const id = await jobs.submit(samplePath('call.wav'));
  const { pid } = await system.worker.waitForLog(
    ({ msg, jobId }) => msg === 'job starts' && jobId === id,
  );
  system.worker.kill('SIGTERM');
  await system.worker.waitForLog(({ msg }) => msg === 'drains');
  process.kill(Number(pid), 'SIGKILL');
  expect(await system.worker.exited).toEqual({ code: 1, signal: null });
});

test('pools of several models are told apart', { timeout: 60_000 }, async () => {
  const folder = join(ROOT, 'models/demo');
  const models = JSON.stringify({ demo: folder, again: folder });
  const { system } = await start({ AMANUENSIS_WORKER_MODELS: models });
  const { pools } = await device(system);
  const names = pools.map(({ model, name }) => `${model}/${name}`);
  expect(names).toHaveLength(8);
  expect(new Set(names).size).toBe(8);
  expect(new Set(pools.map(({ model }) => model))).toEqual(new Set(['demo', 'again']));
});

test('it drains when its own parent leaves', { timeout: 60_000 }, async () => {
  const { system } = await start();
  const { pid } = await device(system);
  system.worker.disconnect();
  expect(await system.worker.exited).toEqual({ code: 0, signal: null });
  expect(isRunning(pid)).toBe(false);
});

test('a second SIGTERM ends it at once', { timeout: 60_000 }, async () => {
  const { system, jobs } = await start();
  const { pid } = await device(system);
  const id = await jobs.submit(samplePath('call.wav'));
  await system.worker.waitForLog(({ msg, jobId }) => msg === 'job starts' && jobId === id);
  system.worker.kill('SIGTERM');
  await system.worker.waitForLog(({ msg }) => msg === 'drains');
  system.worker.kill('SIGTERM');
  expect(await system.worker.exited).toEqual({ code: 1, signal: null });
  await expect.poll(() => isRunning(pid), { timeout: DEADLINE_MS }).toBe(false);
  expect(await (await jobs.queue.getJob(id))?.getState()).toBe('active');
});

test('a device that cannot start ends the supervisor with the reason', {
  timeout: 60_000,
}, async () => {
  const models = { AMANUENSIS_WORKER_MODELS: '{ gone: ./no-such-folder }' };
  await expect(startSystem({ api: false, workerEnv: models })).rejects.toThrow(
    /ended \(1\) before it was ready[\s\S]*no-such-folder/,
  );
});

async function start(workerEnv: NonNullable<SystemOptions['workerEnv']> = {}) {
  const system = await startSystem({ api: false, workerEnv });
  onTestFinished(() => system.stop());
  const jobs = await openSubmitter(system);
  onTestFinished(() => jobs[Symbol.asyncDispose]());
  return { system, jobs };
}

async function device(system: TestSystem): Promise<DeviceStatus> {
  const [report] = await system.devices();
  if (report === undefined) throw new Error('no device reports');
  return report;
}

/** A zombie is a process that only waits to be counted. */
function isRunning(pid: number): boolean {
  const stat = procStat(pid);
  return stat !== null && stat.state !== 'Z';
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

function procStat(pid: number): { state: string | undefined } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return { state: text.slice(text.lastIndexOf(')') + 2)[0] };
  } catch {
    return null;
  }
}
