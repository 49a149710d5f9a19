/** Starts a device worker such that it cannot outlive its supervisor. */

import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { slotsPerJob } from '@amanuensis/pipeline';
import { concurrencyFor } from '@amanuensis/pool';
import type { WorkerConfig } from './config.ts';
import type { Device } from './device.ts';

const ENTRY = fileURLToPath(new URL('./device-worker.js', import.meta.url));
/** For reads of files and for DNS, beside the native runs. */
const SPARE_THREADS = 4;

/**
 * A native run holds a thread of libuv's pool until it ends, and each window of a job has at most one
 * under way; so the pool is as large as jobs can be many, and file reads never wait for a run.
 *
 * The child is in a session of its own: the signals of a terminal reach the supervisor alone, which
 * drains; neither the device worker nor its decoders die in the middle of a job.
 */
export function forkDeviceWorker(
  device: Device,
  { pools, lanesPerJob }: WorkerConfig,
): ChildProcess {
  const limits = Object.entries(pools).map(([name, { max }]) => ({ name, max }));
  const jobs = concurrencyFor(limits, slotsPerJob(lanesPerJob));
  const threads = jobs * lanesPerJob * device.models.length + SPARE_THREADS;
  const env = { ...process.env, UV_THREADPOOL_SIZE: String(threads), ...device.env };
  return fork(ENTRY, [], {
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env,
    ...dyingWithParent(),
  });
}

/**
 * `setpriv` asks the kernel to kill the child with its parent, whatever the child is doing then;
 * elsewhere the child leaves when its channel closes.
 */
function dyingWithParent(): { execPath: string; execArgv: string[] } {
  const kill = ['--pdeathsig', 'KILL'];
  return spawnSync('setpriv', [...kill, process.execPath, '--version']).status === 0
    ? { execPath: 'setpriv', execArgv: [...kill, process.execPath, ...process.execArgv] }
    : { execPath: process.execPath, execArgv: process.execArgv };
}
