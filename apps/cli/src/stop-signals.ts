/** What a user who wants to leave means: once is "end well", twice is "end now". */

import { CliError } from './cli-error.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface StopSignals extends Disposable {
  /** Fires at the first signal. */
  readonly stop: AbortSignal;
  /** Fires at the second. */
  readonly kill: AbortSignal;
}

/** Takes the signals over until it is disposed of. */
export function listenForStopSignals(): StopSignals {
  const [stop, kill] = [new AbortController(), new AbortController()];
  const onSignal = (name: NodeJS.Signals) => {
    const reason = new CliError(`Stopped by ${name}.`);
    (stop.signal.aborted ? kill : stop).abort(reason);
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  return {
    stop: stop.signal,
    kill: kill.signal,
    [Symbol.dispose]() {
      for (const name of SIGNALS) process.off(name, onSignal);
    },
  };
}
