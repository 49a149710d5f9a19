/** How long computations in JavaScript leave the event loop free: a slice at a time. */

import { setImmediate } from 'node:timers/promises';

/** The turn that was asked for last; the event loop of this thread has one queue of them. */
let lastTurn: Promise<void> = Promise.resolve();

/**
 * Waits for the event loop to go round. Turns are taken one after the other: of several jobs only
 * one computes a slice before the loop looks at its sockets again.
 *
 * @throws the signal's reason when it fires.
 */
export async function nextTurn(signal: AbortSignal): Promise<void> {
  lastTurn = lastTurn.then(() => setImmediate());
  await lastTurn;
  signal.throwIfAborted();
}
