/** `/health`: what works, what does not, and what to do about it, in words. */

import {
  type DeviceStatus,
  type PoolStatus,
  transcriptionQueueName,
  WEBHOOK_QUEUE,
} from '@amanuensis/contract';
import { Router } from 'express';
import type { Redis } from 'ioredis';
import { Fleet, type FleetStatus } from '../fleet.ts';
import type { JobQueue, QueueCounts } from '../job-queue.ts';
import { VERSION } from '../version.ts';

const DEADLINE_MS = 2_000;
/** Below it, too many jobs wait for the memory of a slot that was given back shortly before. */
const LEAST_HIT_RATE = 0.9;
/** After a start, each slot beyond `initial` has to be made once: that is no bad rate yet. */
const LEAST_ACQUIRES = 100;

export interface HealthParts {
  readonly redis: Redis;
  readonly jobs: JobQueue;
  readonly models: readonly string[];
}

export interface Health {
  /** `degraded` takes jobs, but something needs a look; `unavailable` (503) takes none. */
  readonly status: 'ok' | 'degraded' | 'unavailable';
  readonly version: string;
  readonly redis: 'ok' | 'unreachable';
  /** Jobs by queue: one queue a model, and the webhooks. */
  readonly queues: Readonly<Record<string, QueueCounts>>;
  readonly devices: readonly DeviceStatus[];
  readonly warnings: readonly string[];
}

export function healthRoutes(parts: HealthParts): Router {
  const router = Router();
  const fleet = new Fleet(parts.redis);
  router.get('/', async (_request, response) => {
    const health = await readHealth(parts, fleet);
    response.status(health.status === 'unavailable' ? 503 : 200);
    response.set('Cache-Control', 'no-store').json(health);
  });
  return router;
}

async function readHealth({ redis, jobs, models }: HealthParts, fleet: Fleet): Promise<Health> {
  let timer: NodeJS.Timeout | undefined;
  try {
    const [queues, found] = await Promise.race([
      Promise.all([jobs.counts(), fleet.read()]),
      new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error('no answer in time')), DEADLINE_MS);
      }),
    ]);
    const warnings = warningsOf(queues, found, models);
    const status = warnings.length === 0 ? 'ok' : 'degraded';
    return { status, version: VERSION, redis: 'ok', queues, devices: found.devices, warnings };
  } catch (error) {
    const { host, port } = redis.options;
    const reason = (error as Error).message;
    const warning = `Redis at ${host}:${port} does not answer (${reason}): is it running?`;
    const nothing = { queues: {}, devices: [], warnings: [warning] };
    return { status: 'unavailable', version: VERSION, redis: 'unreachable', ...nothing };
  } finally {
    clearTimeout(timer);
  }
}

function warningsOf(
  queues: Health['queues'],
  { devices, lostWorkerIds }: FleetStatus,
  models: readonly string[],
): string[] {
  const warnings = lostWorkerIds.map(
    (id) => `The device worker ${id} stopped reporting: it died or its machine is unreachable.`,
  );
  for (const { device, host, refusal } of devices) {
    if (refusal !== null) warnings.push(`The device ${device} of ${host} is not used: ${refusal}.`);
  }
  const working = devices.filter(({ state }) => state !== 'refused');
  if (working.length === 0) {
    warnings.push('No device worker reports: jobs wait until one starts.');
  } else {
    for (const model of models) {
      if (working.some((device) => device.models.includes(model))) continue;
      const waiting = queues[transcriptionQueueName(model)]?.waiting ?? 0;
      warnings.push(`No device holds the model ${model}: its ${waiting} waiting jobs do not move.`);
    }
  }
  for (const { workerId, pools } of devices) {
    for (const pool of pools) warnings.push(...poolWarnings(workerId, pool));
  }
  const undelivered = queues[WEBHOOK_QUEUE]?.failed ?? 0;
  if (undelivered > 0) {
    warnings.push(`${undelivered} webhooks were given up: see /admin/queues.`);
  }
  return warnings;
}

function poolWarnings(workerId: string, pool: PoolStatus): string[] {
  const { model, name, max, acquires, hits, exhaustions, leaked, hasLeaks } = pool;
  const which = `The pool ${name} of ${model} on ${workerId}`;
  const warnings: string[] = [];
  if (exhaustions > 0) {
    warnings.push(`${which} was exhausted ${exhaustions} times, which is a bug.`);
  }
  if (hasLeaks) {
    warnings.push(
      `${which} leaks ${leaked} of its ${max} slots, held for longer than a job may take, which is a bug: restart that worker.`,
    );
  }
  const hitRate = hits / acquires;
  if (acquires >= LEAST_ACQUIRES && hitRate < LEAST_HIT_RATE) {
    const percent = Math.floor(hitRate * 100);
    warnings.push(
      `${which} has a hit rate of ${percent} % in ${acquires} acquires: raise worker.pools.${name}.initial or worker.poolIdleSeconds.`,
    );
  }
  return warnings;
}
