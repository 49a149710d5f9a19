/** Tells the queue how far a job is, at most twice a second and never twice at once. */

import type { JobProgress } from '@amanuensis/contract';

export type Progressed = Omit<JobProgress, 'device'>;
const INTERVAL_MS = 500;

export class ProgressReporter {
  readonly #write: (progress: Progressed) => Promise<void>;
  readonly #onError: (error: unknown) => void;
  #writing: Promise<void> | null = null;
  #writtenAt = Number.NEGATIVE_INFINITY;

  constructor(write: (progress: Progressed) => Promise<void>, onError: (error: unknown) => void) {
    this.#write = write;
    this.#onError = onError;
  }

  /** Drops what comes too soon: the next report or the job's end says more. */
  report(progress: Progressed): void {
    const now = performance.now();
    if (this.#writing !== null || now - this.#writtenAt < INTERVAL_MS) return;
    this.#writtenAt = now;
    this.#writing = this.#write(progress)
      .catch(this.#onError)
      .finally(() => {
        this.#writing = null;
      });
  }

  /** Resolves when no write is under way: a job must not end before its progress is written. */
  async settled(): Promise<void> {
    await this.#writing;
  }
}
