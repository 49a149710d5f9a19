/** How a device worker leaves: no more jobs, those that run end or go back, the device is freed. */

import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@amanuensis/log';
import type { DeviceReport } from './device-report.ts';
import type { JobConsumer } from './job-consumer.ts';
import type { LoadedModel } from './load-models.ts';

/** Beyond its time to drain: to interrupt native runs and to give the jobs back. */
const GIVE_BACK_MS = 2_000;
/** With Redis away, closing would wait for ever. */
const CLOSE_MS = 1_000;

export interface DrainedParts {
  readonly consumers: readonly JobConsumer[];
  readonly report: DeviceReport;
  readonly models: readonly LoadedModel[];
}

/**
 * Resolves within the timeout and a few seconds, whatever happens.
 *
 * @returns whether it left cleanly: every job ended or went back, and every slot was released.
 */
export async function drain(
  { consumers, report, models }: DrainedParts,
  timeoutMs: number,
  log: Logger,
): Promise<boolean> {
  let isClean = true;
  const closed = Promise.all(consumers.map((consumer) => consumer.close()));
  if (!(await settles(closed, timeoutMs))) {
    log.warn({ timeoutMs }, 'jobs still run: they go back to their queues');
    for (const consumer of consumers) consumer.giveBack();
    if (!(await settles(closed, GIVE_BACK_MS))) {
      log.error('jobs could not be given back: another worker will find them stalled');
      isClean = false;
    }
  }
  await settles(report.close(), CLOSE_MS);
  for (const { whisper, pools } of models) {
    const stats = pools.all.map((pool) => pool.stats());
    log.info({ model: whisper.name, pools: stats }, 'pools at the end');
    for (const { name, inUse } of stats) {
      if (inUse === 0) continue;
      log.error({ model: whisper.name, pool: name, inUse }, 'slots were not released');
      isClean = false;
    }
  }
  return isClean;
}

/** Whether the promise is fulfilled within the time. */
async function settles(promise: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  const timer = new AbortController();
  const { signal } = timer;
  const late = delay(timeoutMs, false, { signal, ref: true }).catch(() => false);
  const done = promise.then(
    () => true,
    () => true,
  );
  const inTime = await Promise.race([done, late]);
  timer.abort();
  return inTime;
}
