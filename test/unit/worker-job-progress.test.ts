/** Progress reaches the queue at most twice a second and one write at a time. */

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Progressed, ProgressReporter } from '../../apps/worker/src/job-progress.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const at = (processedSeconds: number): Progressed => ({ processedSeconds, durationSeconds: 60 });

test('ten reports a second become two writes a second', async () => {
  const written: number[] = [];
  const reporter = new ProgressReporter(
    async ({ processedSeconds }) => void written.push(processedSeconds),
    () => expect.unreachable(),
  );
  for (let tenth = 0; tenth < 30; tenth++) {
    reporter.report(at(tenth));
    await vi.advanceTimersByTimeAsync(100);
  }
  expect(written).toEqual([0, 5, 10, 15, 20, 25]);
});

test('a slow write is not overtaken, and settled() waits for it', async () => {
  let finish = (): void => undefined;
  const write = vi.fn(
    () =>
      new Promise<void>((resolve) => {
        finish = resolve;
      }),
  );
  const reporter = new ProgressReporter(write, () => expect.unreachable());
  reporter.report(at(0));
  await vi.advanceTimersByTimeAsync(2000);
  reporter.report(at(1));
  expect(write).toHaveBeenCalledOnce();
  let settled = false;
  const settling = reporter.settled().then(() => {
    settled = true;
  });
  await vi.advanceTimersByTimeAsync(1000);
  expect(settled).toBe(false);
  finish();
  await settling;
});

test('a write that fails is told and does not reach the job', async () => {
  const errors: unknown[] = [];
  const broken = new Error('no Redis');
  const reporter = new ProgressReporter(
    () => Promise.reject(broken),
    (error) => errors.push(error),
  );
  reporter.report(at(0));
  await reporter.settled();
  expect(errors).toEqual([broken]);
});
