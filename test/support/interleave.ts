/** Lets another thread's steps happen at the one moment where they hurt most. */

import { onTestFinished, vi } from 'vitest';

/** Runs `steps` once, just before the next exchange of a word in shared memory. */
export function beforeNextExchange(steps: () => void): void {
  const { compareExchange } = Atomics;
  const spy = vi.spyOn(Atomics, 'compareExchange');
  onTestFinished(() => spy.mockRestore());
  spy.mockImplementation(((...args: Parameters<typeof compareExchange>) => {
    spy.mockRestore();
    steps();
    return compareExchange(...args);
  }) as typeof compareExchange);
}
