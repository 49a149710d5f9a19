/** Threads over one pool, which begin together. */

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { PoolHandle } from '../../packages/pool/src/index.ts';

const FILE = new URL('./pool-thread.mjs', import.meta.url);

export interface ThreadTask {
  readonly task: 'cycles' | 'waits' | 'janitor' | 'hoard' | 'reclaim' | 'turnedAway';
  /** Of each thread. */
  readonly nCycles?: number;
  readonly nSlots?: number;
  /** Whether it leaves the pool in the end. */
  readonly detaches?: boolean;
}

/** What a thread says at its end. */
export interface ThreadResult {
  readonly cycles: number;
  readonly refused: number;
  readonly rounds: number;
  readonly slots: readonly number[];
  /** Codes of errors. */
  readonly refusals: readonly string[];
}

export class PoolThreads implements AsyncDisposable {
  /** [0 before, 1 while, 2 after they run; two more for a task's own use] */
  readonly gate = new Int32Array(new SharedArrayBuffer(12));
  readonly #workers: Worker[] = [];

  /** Resolves when all wait for {@link open}. */
  async start(handle: PoolHandle, tasks: readonly ThreadTask[]): Promise<void> {
    const ready = tasks.map(async (task) => {
      const id = this.#workers.length;
      const workerData = { handle, id, gate: this.gate, ...task };
      const worker = new Worker(FILE, { workerData, execArgv: [] });
      this.#workers.push(worker);
      await once(worker, 'message');
    });
    await Promise.all(ready);
  }

  /** Lets them run; what each said next, a failure as a rejection. */
  open(): Promise<ThreadResult[]> {
    const next = this.next();
    this.#turn(1);
    return next;
  }

  close(): void {
    this.#turn(2);
  }

  next(): Promise<ThreadResult[]> {
    return Promise.all(this.nextOfEach());
  }

  nextOfEach(): Promise<ThreadResult>[] {
    return this.#workers.map(async (worker) => (await once(worker, 'message'))[0] as ThreadResult);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #turn(state: number): void {
    Atomics.store(this.gate, 0, state);
    Atomics.notify(this.gate, 0);
  }
}
