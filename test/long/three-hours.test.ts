/** Three hours of recording at constant memory: what it takes after five minutes is what it takes. */

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { SAMPLES } from '../support/paths.ts';
import { ffmpeg, temporaryFolder } from '../support/recordings.ts';

const PROBE = fileURLToPath(new URL('../support/memory-probe.mjs', import.meta.url));
const RECORDING = join(temporaryFolder(), 'three-hours.flac');
const RECORDING_SECONDS = 3 * 3600;
const SETTLED_AFTER_SECONDS = 300;
const MAX_GROWTH_BYTES = 50e6;
const DEADLINE_MS = 100 * 60_000;
const MB = 1e6;

const probeSchema = z.object({
  audioSeconds: z.number(),
  wallSeconds: z.number(),
  warnings: z.array(z.unknown()),
  samples: z.array(z.object({ seconds: z.number(), bytes: z.number(), childBytes: z.number() })),
});

beforeAll(async () => {
  const seconds = String(RECORDING_SECONDS);
  const input = ['-stream_loop', '-1', '-i', join(SAMPLES, 'call.wav'), '-t', seconds];
  await ffmpeg(...input, '-compression_level', '0', RECORDING);
});

test.each(['spectrograms', 'transcript'])(
  '%s of three hours',
  { timeout: DEADLINE_MS },
  async (stages) => {
    const { stdout } = await promisify(execFile)(process.execPath, [PROBE, stages, RECORDING], {
      timeout: DEADLINE_MS,
      maxBuffer: 1 << 26,
    });
    const { audioSeconds, wallSeconds, warnings, samples } = probeSchema.parse(JSON.parse(stdout));
    expect(audioSeconds).toBe(RECORDING_SECONDS);
    expect(warnings).toEqual([]);
    const settled = samples.findIndex(({ seconds }) => seconds >= SETTLED_AFTER_SECONDS);
    const after = samples.slice(settled);
    const most = (values: readonly number[]): number => Math.max(...values);
    const base = after[0]?.bytes ?? Number.NaN;
    const growth = most(after.map(({ bytes }) => bytes)) - base;
    const decoder = most(samples.map(({ childBytes }) => childBytes));
    console.log(
      [
        `${stages}: ${(audioSeconds / 3600).toFixed(2)} h in ${wallSeconds.toFixed(0)} s`,
        `(RTFx ${(audioSeconds / wallSeconds).toFixed(0)}), ${samples.length} windows;`,
        `${(base / MB).toFixed(0)} MB after ${SETTLED_AFTER_SECONDS} s,`,
        `${(growth / MB).toFixed(1)} MB more at most;`,
        `decoder ${(decoder / MB).toFixed(0)} MB at most`,
      ].join(' '),
    );
    expect(growth).toBeLessThan(MAX_GROWTH_BYTES);
    expect(decoder).toBeLessThan(2 * MAX_GROWTH_BYTES);
  },
);
