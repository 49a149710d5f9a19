/** Listens to signals while somebody waits on them: once to each, however many wait. */

interface Watched {
  nWaiting: number;
  readonly listener: () => void;
}

export class AbortWatch {
  readonly #onAbort: (signal: AbortSignal) => void;
  readonly #watched = new Map<AbortSignal, Watched>();

  /** @param onAbort is told at once of a signal that fires while it is watched. */
  constructor(onAbort: (signal: AbortSignal) => void) {
    this.#onAbort = onAbort;
  }

  /** Each call wants an {@link unwatch} of its own. */
  watch(signal: AbortSignal): void {
    const known = this.#watched.get(signal);
    if (known !== undefined) {
      known.nWaiting++;
      return;
    }
    const listener = (): void => this.#onAbort(signal);
    signal.addEventListener('abort', listener);
    this.#watched.set(signal, { nWaiting: 1, listener });
  }

  unwatch(signal: AbortSignal): void {
    const known = this.#watched.get(signal);
    if (known === undefined) return;
    known.nWaiting--;
    if (known.nWaiting > 0) return;
    signal.removeEventListener('abort', known.listener);
    this.#watched.delete(signal);
  }
}
