/** Those who wait for a slot, first come first served; they wake each other across threads. */

/// <reference lib="es2024.sharedmemory" />

import type { Counters } from './counters.ts';
import { PoolError } from './pool-error.ts';

/** How long somebody waits. */
export interface WaitOptions {
  /** Ends the wait with its reason. */
  readonly signal?: AbortSignal;
  /** Ends the wait with `deadline_exceeded`; 30 s unless given. */
  readonly deadlineMs?: number;
}

const DEFAULT_DEADLINE_MS = 30_000;
/** `setTimeout` takes longer ones, `Infinity` too, for none at all. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const WAITERS = 0;
const RELEASES = 1;

interface Waiter {
  /** False when there is no slot for it: it waits on. */
  serve(): boolean;
  fail(reason: unknown): void;
}

export class WaitQueue {
  readonly #pool: string;
  /** [waiters of all threads, releases that somebody waited for] */
  readonly #signals: Int32Array;
  readonly #counters: Counters;
  readonly #waiting: Waiter[] = [];
  #isListening = false;

  constructor(pool: string, signals: Int32Array, counters: Counters) {
    this.#pool = pool;
    this.#signals = signals;
    this.#counters = counters;
  }

  /** Waiters of this thread. */
  get length(): number {
    return this.#waiting.length;
  }

  /**
   * Waits until `take` gives something, in the order of the calls; an error of it ends the wait.
   *
   * @param options with a signal that has not been aborted yet.
   * @throws PoolError `deadline_exceeded`; the signal's reason.
   */
  wait<T>(take: () => T | null, { signal, deadlineMs }: WaitOptions): Promise<T> {
    const startedAtMs = performance.now();
    const limitMs = Math.min(deadlineMs ?? DEFAULT_DEADLINE_MS, LONGEST_TIMER_MS);
    return new Promise<T>((resolve, reject) => {
      const onAbort = (): void => waiter.fail(signal?.reason);
      const timer = setTimeout(() => {
        const message = `pool ${this.#pool}: no slot became free in ${limitMs} ms`;
        waiter.fail(new PoolError('deadline_exceeded', message));
      }, limitMs);
      const leave = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        Atomics.sub(this.#signals, WAITERS, 1);
        this.#counters.addWait(performance.now() - startedAtMs);
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
      };
      const waiter: Waiter = {
        serve: () => {
          try {
            const taken = take();
            if (taken === null) return false;
            resolve(taken);
          } catch (error) {
            // Its own fault, not that of whoever released a slot just now.
            reject(error);
          }
          leave();
          return true;
        },
        fail: (reason) => {
          leave();
          reject(reason);
        },
      };
      signal?.addEventListener('abort', onAbort);
      this.#waiting.push(waiter);
      Atomics.add(this.#signals, WAITERS, 1);
      this.serve();
    });
  }

  /** Serves as many as there are slots for, then listens for releases of other threads. */
  serve(): void {
    // Before the look at the slots, so that a release after it is noticed.
    const seen = Atomics.load(this.#signals, RELEASES);
    while (this.#waiting[0]?.serve() === true);
    if (this.#waiting.length > 0) this.#listen(seen);
  }

  /** To be called when there may be something to take, or nothing more ever: after each release. */
  wake(): void {
    if (Atomics.load(this.#signals, WAITERS) === 0) return;
    this.serve();
    Atomics.add(this.#signals, RELEASES, 1);
    Atomics.notify(this.#signals, RELEASES);
  }

  #listen(seen: number): void {
    if (this.#isListening) return;
    const { async, value } = Atomics.waitAsync(this.#signals, RELEASES, seen);
    if (!async) {
      this.serve();
      return;
    }
    this.#isListening = true;
    void value.then(() => {
      this.#isListening = false;
      this.serve();
    });
  }
}
