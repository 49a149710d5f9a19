/** Everything that ends an attempt of a job before its time; the first of them is its reason. */

import type { CodedError } from '@amanuensis/contract';

/** The device drains: the job goes back to its queue, and another worker goes on with it. */
export class GivenBack extends Error {
  override readonly name = 'GivenBack';
}

/** Another attempt has the job; whatever this one does changes nothing any more. */
export class LockLost extends Error {
  override readonly name = 'LockLost';
}

/** A timer of Node.js fires at once beyond. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class AttemptStop implements Disposable {
  readonly #controller = new AbortController();
  readonly #timers: NodeJS.Timeout[] = [];

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  stop(reason: CodedError | GivenBack | LockLost): void {
    this.#controller.abort(reason);
  }

  /** @param signal may have fired already. */
  stopWith(signal: AbortSignal, reasonOf: () => CodedError | GivenBack | LockLost): void {
    const onAbort = (): void => this.stop(reasonOf());
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true, signal: this.signal });
  }

  stopAfter(ms: number, reasonOf: () => CodedError): void {
    if (ms > LONGEST_TIMER_MS) return;
    this.#timers.push(setTimeout(() => this.stop(reasonOf()), Math.max(0, ms)));
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}
