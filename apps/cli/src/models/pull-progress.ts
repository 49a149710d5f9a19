/** How far a pull is: a bar on a terminal, lines elsewhere. */

import { Presets, SingleBar } from 'cli-progress';
import { formatBytes } from './format-bytes.ts';

/** Between two lines about the same file, where there is no bar. */
const LINE_STEP_PERCENT = 10;
const FORMAT = '{bar} {percentage} % · {done} of {all} · {eta_formatted} left · {doing}';

export interface PullProgress extends Disposable {
  /** Bytes of all files, and how many of them are there already. */
  begin(totalBytes: number, doneBytes: number): void;
  /** The file that comes now. */
  file(name: string): void;
  /** Bytes that came; below 0 where some must come again. */
  advance(bytes: number): void;
  retry(reason: string): void;
}

/** Writes to standard error until it is disposed of. */
export function showPullProgress(): PullProgress {
  return process.stderr.isTTY ? showBar() : showLines();
}

function showBar(): PullProgress {
  const bar = new SingleBar({ format: FORMAT, hideCursor: true }, Presets.shades_classic);
  let [current, doing] = ['', ''];
  let [total, done] = [0, 0];
  const update = () =>
    bar.update(done, { done: formatBytes(done), all: formatBytes(total), doing });
  return {
    begin(totalBytes, doneBytes) {
      [total, done] = [totalBytes, doneBytes];
      bar.start(total, done, { done: formatBytes(done), all: formatBytes(total), doing });
    },
    file(name) {
      current = doing = name;
      update();
    },
    advance(bytes) {
      done += bytes;
      if (bytes > 0) doing = current;
      update();
    },
    retry(reason) {
      doing = `once more: ${reason}`;
      update();
    },
    [Symbol.dispose]: () => bar.stop(),
  };
}

function showLines(): PullProgress {
  let [total, done, lastStep] = [0, 0, -1];
  const write = (line: string) => process.stderr.write(`${line}\n`);
  return {
    begin(totalBytes, doneBytes) {
      [total, done] = [totalBytes, doneBytes];
      write(`${formatBytes(total - done)} of ${formatBytes(total)} are to come`);
    },
    file: write,
    advance(bytes) {
      done += bytes;
      const step = Math.floor((100 * done) / total / LINE_STEP_PERCENT) * LINE_STEP_PERCENT;
      if (step > lastStep) write(`${step} %`);
      lastStep = Math.max(lastStep, step);
    },
    retry: (reason) => write(`once more: ${reason}`),
    [Symbol.dispose]: () => undefined,
  };
}
