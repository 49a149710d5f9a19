/** One thread of the benchmark of many: acquires, stamps, looks, releases, as often as it is told. */

import { once } from 'node:events';
import { parentPort, threadId, workerData } from 'node:worker_threads';
import { BufferPool, type PoolHandle } from '@amanuensis/pool';

const STAMP_BYTES = 64;

const { handle, cycles } = workerData as {
  readonly handle: PoolHandle<'uint8'>;
  readonly cycles: number;
};
const pool = BufferPool.attach(handle);
const owner = `thread ${threadId}`;
let heldTwice = 0;

function stampAndLook(view: Uint8Array, stamp: number): boolean {
  const last = view.length - STAMP_BYTES;
  view.fill(stamp, 0, STAMP_BYTES);
  view.fill(stamp, last);
  for (let at = 0; at < STAMP_BYTES; at++) {
    if (view[at] !== stamp || view[last + at] !== stamp) return false;
  }
  return true;
}

parentPort?.postMessage('ready');
if (parentPort !== null) await once(parentPort, 'message');
for (let cycle = 0; cycle < cycles; cycle++) {
  using lease = pool.acquire(owner);
  if (!stampAndLook(lease.view, (threadId * 31 + cycle) & 0xff)) heldTwice++;
}
parentPort?.postMessage({ heldTwice });
