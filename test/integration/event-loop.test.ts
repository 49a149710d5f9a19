/** The event loop of a device worker stays free while a job runs, unlike with a blocking binding. */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { samplePath } from '../support/submit.ts';

const PROBE = fileURLToPath(new URL('../support/event-loop-probe.mjs', import.meta.url));
/** Whatever else the machine does can only make a loop later, so the calmest run of each counts. */
const LEAST_ROUNDS = 2;
const MOST_ROUNDS = 6;
const LEAST_RATIO = 10;

interface Measured {
  readonly engine: string;
  readonly jobMs: number;
  /** Greatest delay of the loop, in ms; an idle loop shows about 1. */
  readonly maxMs: number;
  readonly p99Ms: number;
  readonly text: string;
}

test('the loop is ten times freer than with the blocking binding', {
  timeout: 300_000,
}, async () => {
  let asynchronous = await measure('c-api');
  let blocking = await measure('node-binding');
  expect(asynchronous.text).toBe(blocking.text);
  expect(asynchronous.text).not.toBe('');
  const ratio = () => blocking.maxMs / asynchronous.maxMs;
  for (let round = 1; round < MOST_ROUNDS; round++) {
    if (round >= LEAST_ROUNDS && ratio() >= LEAST_RATIO) break;
    asynchronous = calmer(asynchronous, await measure('c-api'));
    blocking = calmer(blocking, await measure('node-binding'));
  }
  console.log(`${describe(asynchronous)}\n${describe(blocking)}`);
  expect(ratio()).toBeGreaterThanOrEqual(LEAST_RATIO);
});

const calmer = (a: Measured, b: Measured): Measured => (a.maxMs < b.maxMs ? a : b);

async function measure(engine: string): Promise<Measured> {
  const args = [PROBE, engine, samplePath('standup.wav')];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 60_000 });
  const measured: Measured = JSON.parse(stdout);
  expect(measured.engine).toBe(engine);
  return measured;
}

function describe({ engine, jobMs, maxMs, p99Ms }: Measured): string {
  const [max, p99, job] = [maxMs, p99Ms, jobMs].map((ms) => `${ms.toFixed(1)} ms`);
  return `${engine}: the loop was late by ${max} at most (p99 ${p99}) in a job of ${job}`;
}
