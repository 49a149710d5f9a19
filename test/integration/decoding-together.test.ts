/** Recordings that are decoded at the same time share runs, and are canceled one by one. */

import { join } from 'node:path';
import { type TranscriptionOptions, transcriptionOptionsSchema } from '@amanuensis/contract';
import { transcribe } from '@amanuensis/pipeline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DecoderRun, type DemoDevice, openDemoDevice } from '../support/demo-device.ts';
import { SAMPLES } from '../support/paths.ts';

const GREEDY = transcriptionOptionsSchema.parse({ temperature: 0 });
const BEAM = transcriptionOptionsSchema.parse({ temperature: 0, beam_size: 5 });
const SAMPLED = transcriptionOptionsSchema.parse({ temperature: 0.4, best_of: 5 });
/** A canceled job is given 100 ms; here other processes may hold the machine. */
const MAX_CANCEL_MS = 1_000;

let device: DemoDevice;
beforeAll(async () => {
  device = await openDemoDevice(3);
});
afterAll(() => device[Symbol.asyncDispose]());

async function tokensOf(
  file: string,
  options: TranscriptionOptions,
  signal = new AbortController().signal,
): Promise<readonly (readonly number[])[]> {
  const windows: (readonly number[])[] = [];
  await transcribe({ path: join(SAMPLES, file), owner: file }, device, {
    signal,
    maxDurationSeconds: 600,
    options,
    onPart: ({ heard }) => windows.push(...heard.map(({ tokens }) => tokens)),
  });
  return windows;
}

type Windows = Awaited<ReturnType<typeof tokensOf>>;
const heardAlone = new Map<string, Windows>();

/** What a recording gives when nothing else runs. */
async function tokensAlone(file: string, options: TranscriptionOptions): Promise<Windows> {
  const key = `${file} ${options.beam_size}`;
  const windows = heardAlone.get(key) ?? (await tokensOf(file, options));
  heardAlone.set(key, windows);
  return windows;
}

/** Runs of the decoder while `work` is done. */
async function countRuns(work: () => Promise<unknown>): Promise<Record<DecoderRun, number>> {
  const runs = { sequence: 0, rows: 0 };
  device.onRun = (kind) => {
    runs[kind]++;
  };
  await work();
  device.onRun = () => {};
  return runs;
}

const slotsInUse = (): readonly number[] => device.pools.all.map((pool) => pool.stats().inUse);

test.each<[string, TranscriptionOptions, readonly string[]]>([
  ['greedily', GREEDY, ['standup.wav', 'voicemail.wav', 'standup.wav']],
  ['as beams, with more lanes than a run has rows', BEAM, ['standup.wav', 'voicemail.wav']],
])(
  'decoded side by side %s, recordings have the tokens of each alone',
  async (how, options, files) => {
    const alone: Windows[] = [];
    for (const file of files) alone.push(await tokensAlone(file, options));
    let together: Windows[] = [];
    const runs = await countRuns(async () => {
      together = await Promise.all(files.map((file) => tokensOf(file, options)));
    });
    expect(together).toEqual(alone);
    console.log(`${how}: runs of one lane: ${runs.sequence}, of several: ${runs.rows}`);
    expect(runs.rows).toBeGreaterThan(20);
    expect(slotsInUse()).toEqual([0, 0, 0, 0]);
  },
);

/** Cancels when the nth run of that kind is under way, and says how long the job took to stop. */
async function cancelAtRun(kind: DecoderRun, nth: number, options: TranscriptionOptions) {
  const controller = new AbortController();
  let canceledAt = Infinity;
  let nRuns = 0;
  device.onRun = (one) => {
    if (one === kind) nRuns++;
    if (nRuns !== nth || controller.signal.aborted) return;
    canceledAt = performance.now();
    controller.abort(new Error('canceled'));
  };
  const job = tokensOf('call.wav', options, controller.signal);
  const [outcome] = await Promise.allSettled([job]);
  return { outcome, ms: performance.now() - canceledAt };
}

test.each<[string, DecoderRun, TranscriptionOptions]>([
  ['a greedy text', 'sequence', GREEDY],
  ['a beam', 'rows', BEAM],
  ['several samples', 'rows', SAMPLED],
])(
  'canceled within %s, a job stops at once and gives all slots back',
  async (name, kind, options) => {
    const { outcome, ms } = await cancelAtRun(kind, 20, options);
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'aborted' } });
    expect(slotsInUse()).toEqual([0, 0, 0, 0]);
    console.log(`canceled within ${name}: stopped after ${ms.toFixed(1)} ms`);
    expect(ms).toBeLessThan(MAX_CANCEL_MS);
  },
);

test('a job that is canceled within shared runs leaves the others as they are alone', async () => {
  const alone = await tokensAlone('voicemail.wav', BEAM);
  const canceled = cancelAtRun('rows', 30, BEAM);
  const [others, { outcome, ms }] = await Promise.all([tokensOf('voicemail.wav', BEAM), canceled]);
  expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'aborted' } });
  expect(others).toEqual(alone);
  console.log(`canceled within shared runs: stopped after ${ms.toFixed(1)} ms`);
  expect(ms).toBeLessThan(MAX_CANCEL_MS);
  expect(slotsInUse()).toEqual([0, 0, 0, 0]);
});
