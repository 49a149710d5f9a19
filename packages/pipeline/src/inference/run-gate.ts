/** Counts the runs of a session, so that it is freed only when none is under way. */

import { InferenceError } from './inference-port.ts';

export class RunGate {
  #running = 0;
  #closed: Promise<void> | undefined;
  #whenIdle: (() => void) | undefined;

  /** @throws InferenceError `run_failed` when the gate is closed. */
  enter(): void {
    if (this.#closed !== undefined) {
      throw new InferenceError('run_failed', 'The session has been released');
    }
    this.#running++;
  }

  leave(): void {
    this.#running--;
    if (this.#running === 0) this.#whenIdle?.();
  }

  /** Lets no further run in; resolves when those under way have left. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      if (this.#running === 0) resolve();
      else this.#whenIdle = resolve;
    });
    return this.#closed;
  }
}
