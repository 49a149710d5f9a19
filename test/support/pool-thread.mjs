/**
 * A thread that uses a pool of another: `new Worker(…, { workerData: { handle, task, … } })`. It
 * says 'ready', begins when `gate[0]` opens, and says how it went.
 *
 * Plain JavaScript over the built package: worker threads do not go through the test runner.
 */

import { parentPort, workerData } from 'node:worker_threads';
import { BufferPool } from '@amanuensis/pool';

const STAMP_BYTES = 64;
const JUNK = 0xee;
const { handle, task, id, nCycles, nSlots, detaches, gate } = workerData;

/** Spoils what it is to give back, so that a slot which somebody holds does not survive it. */
const reclaim = (buffer, byteOffset, length) => {
  new Uint8Array(buffer, byteOffset, length).fill(JUNK);
  if (task === 'reclaim') {
    Atomics.store(gate, 1, 1);
    Atomics.notify(gate, 1);
    Atomics.wait(gate, 2, 0, 100);
    Atomics.store(gate, 2, 1);
  }
};
const pool = BufferPool.attach(handle, { reclaim });

const tasks = {
  /** Acquires, stamps both ends, verifies the stamps, releases. */
  cycles() {
    let refused = 0;
    for (let cycle = 0; cycle < nCycles; cycle++) {
      let lease = pool.tryAcquire(`thread ${id}`);
      while (lease === null) {
        refused++;
        lease = pool.tryAcquire(`thread ${id}`);
      }
      const stamp = (id * 31 + cycle) & 0xff;
      const { view } = lease;
      const tail = view.length - STAMP_BYTES;
      view.fill(stamp, 0, STAMP_BYTES);
      view.fill(stamp, tail);
      for (let at = 0; at < STAMP_BYTES; at++) {
        if (view[at] !== stamp || view[tail + at] !== stamp) {
          throw new Error(`thread ${id}: slot ${lease.slot} was touched while it was held`);
        }
      }
      lease.release();
    }
    if (detaches) pool.detach();
    return { cycles: nCycles, refused };
  },

  /** The same by waiting for a slot. */
  async waits() {
    for (let cycle = 0; cycle < nCycles; cycle++) {
      const lease = await pool.acquireAsync(`thread ${id}`, { deadlineMs: 20_000 });
      lease.view.fill(id);
      await null;
      if (!lease.view.every((value) => value === id)) throw new Error(`slot ${lease.slot} shared`);
      lease.release();
    }
    return { cycles: nCycles };
  },

  /** Gives memory back under the others' hands until the gate closes. */
  janitor() {
    let rounds = 0;
    for (; Atomics.load(gate, 0) === 1; rounds++) {
      if (rounds % 3 === 0) pool.clear();
      else pool.reclaimIdle(0);
    }
    return { rounds };
  },

  /** Takes what it can get, keeps it until the gate closes, and gives it back. */
  hoard() {
    const leases = [];
    let refused = 0;
    for (let i = 0; i < nSlots; i++) {
      try {
        leases.push(pool.acquire(`thread ${id}`));
      } catch (error) {
        if (error.code !== 'exhausted') throw error;
        refused++;
      }
    }
    parentPort.postMessage('held');
    Atomics.wait(gate, 0, 1, 20_000);
    const slots = leases.map(({ slot }) => slot);
    for (const lease of leases) lease.release();
    return { slots, refused };
  },

  /** Waits for a slot that never comes, and asks once more. */
  async turnedAway() {
    const wait = pool.acquireAsync(`thread ${id}`, { deadlineMs: 20_000 });
    parentPort.postMessage('waiting');
    const refusals = [];
    for (const attempt of [() => wait, () => pool.acquire(`thread ${id}`)]) {
      try {
        await attempt();
      } catch (error) {
        refusals.push(error.code);
      }
    }
    return { refusals };
  },

  /** Takes long to give an idle slot back. */
  reclaim() {
    pool.clear();
    return {};
  },
};

parentPort.postMessage('ready');
Atomics.wait(gate, 0, 0, 20_000);
parentPort.postMessage(await tasks[task]());
