/** Lets another thread's steps happen at the one moment where they hurt most. */

import { onTestFinished, vi } from 'vitest';

/** Runs `steps` once, just before the next exchange of a word in shared memory, or the nth. */
export function beforeNextExchange(steps: () => void, nth = 1): void {
  const { compareExchange } = Atomics;
  const spy = vi.spyOn(Atomics, 'compareExchange');
  onTestFinished(() => spy.mockRestore());
  spy.mockImplementation(((...args: Parameters<typeof compareExchange>) => {
    if (spy.mock.calls.length === nth) {
      spy.mockRestore();
      steps();
    }
    return compareExchange(...args);
  }) as typeof compareExchange);
}
