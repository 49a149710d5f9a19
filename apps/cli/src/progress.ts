/** How far jobs are: bars on a terminal, lines elsewhere. */

import { basename } from 'node:path';
import type { Transcription } from '@amanuensis/contract';
import { MultiBar, Presets, type SingleBar } from 'cli-progress';

const STATUS_COLUMNS = 10;
/** Between two lines about the same recording, where there are no bars. */
const LINE_STEP_PERCENT = 25;

export interface Progress extends Disposable {
  update(file: string, job: Transcription): void;
}

/** Writes to standard error until it is disposed of. */
export function showProgress(files: readonly string[]): Progress {
  return process.stderr.isTTY ? showBars(files) : showLines();
}

function showBars(files: readonly string[]): Progress {
  const columns = Math.max(...files.map((file) => basename(file).length));
  const format = '{name} {bar} {percentage} % {status}';
  const bars = new MultiBar({ format, hideCursor: true }, Presets.shades_classic);
  const barOf = new Map<string, SingleBar>();
  for (const file of files) {
    const name = basename(file).padEnd(columns);
    barOf.set(file, bars.create(100, 0, { name, status: 'upload'.padEnd(STATUS_COLUMNS) }));
  }
  return {
    update: (file, { status, progress }) =>
      barOf.get(file)?.update(progress.percent, { status: status.padEnd(STATUS_COLUMNS) }),
    [Symbol.dispose]: () => bars.stop(),
  };
}

function showLines(): Progress {
  const last = new Map<string, string>();
  return {
    update(file, { status, progress: { percent } }) {
      const step = Math.floor(percent / LINE_STEP_PERCENT) * LINE_STEP_PERCENT;
      const line = status === 'processing' ? `${status}, ${step} %` : status;
      if (last.get(file) === line) return;
      last.set(file, line);
      process.stderr.write(`${basename(file)}: ${line}\n`);
    },
    [Symbol.dispose]: () => undefined,
  };
}
