/** `amanuensis up` and `transcribe`, as users run them. */

import { join } from 'node:path';
import { transcriptionSchema, transcriptSchema } from '@amanuensis/contract';
import { expect, test, vi } from 'vitest';
import { runCli, startCli, startUp, temporaryFolder } from '../support/cli.ts';
import { pasteCurl } from '../support/paste-curl.ts';
import { ROOT, SAMPLES } from '../support/paths.ts';
import { isRunning } from '../support/processes.ts';

const STANDUP = 'Good morning.\nThe new release was tested yesterday';

test('its curl lines work when they are pasted, SIGINT ends everything, jobs outlive it', {
  timeout: 180_000,
}, async () => {
  const dataFolder = await temporaryFolder();
  const first = await startUp(dataFolder);
  const [submit = '', read = ''] = first.curlLines;
  const job = transcriptionSchema.parse(JSON.parse(await pasteCurl(submit)));
  expect(job.file_name).toBe('standup.wav');
  const text = () => pasteCurl(read.replace('/ID/', `/${job.id}/`));
  await vi.waitFor(async () => expect(await text()).toContain(STANDUP), {
    timeout: 60_000,
    interval: 250,
  });

  expect(first.pids.length).toBeGreaterThanOrEqual(4);
  first.child.kill('SIGINT');
  expect(await first.exited(), first.output.stderr).toBe(0);
  expect(first.pids.filter(isRunning)).toEqual([]);

  const second = await startUp(dataFolder);
  const [, readAgain = ''] = second.curlLines;
  expect(await pasteCurl(readAgain.replace('/ID/', `/${job.id}/`))).toContain(STANDUP);
  second.child.kill('SIGTERM');
  expect(await second.exited()).toBe(0);
});

test('transcribe prints each file in every format', { timeout: 180_000 }, async () => {
  const up = await startUp(await temporaryFolder());
  const url = ['--url', up.url];
  const standup = join(SAMPLES, 'standup.wav');
  const voicemail = join(SAMPLES, 'voicemail.wav');

  const text = await runCli(['transcribe', standup, voicemail, ...url]);
  expect(text).toMatchObject({ exitCode: 0 });
  expect(text.stdout).toMatch(/^Good morning\.[\s\S]*Hello\.[\s\S]*Thank you very much\.\n$/);
  expect(text.stderr).toContain('standup.wav: completed');

  const json = await runCli(['transcribe', '--format', 'json', standup, ...url]);
  expect(transcriptSchema.parse(JSON.parse(json.stdout)).ran_on.device).toBe('cpu0');
  const srt = await runCli(['transcribe', '--format', 'srt', standup, ...url]);
  expect(srt.stdout).toMatch(/^1\n00:00:0\d,\d{3} --> /);
  const vtt = await runCli(['transcribe', '--format', 'vtt', standup, ...url]);
  expect(vtt.stdout).toMatch(/^WEBVTT\n/);

  // One that cannot be transcribed does not keep the other from it.
  const notAudio = join(ROOT, 'package.json');
  const mixed = await runCli(['transcribe', notAudio, '/nowhere.wav', standup, ...url]);
  expect(mixed.exitCode).toBe(1);
  expect(mixed.stdout).toContain(STANDUP);
  expect(mixed.stderr).toMatch(/package\.json: .+\n\/nowhere\.wav: .* cannot be read\.\n$/);
});

test('Ctrl-C ends a transcribe that waits, with one line', { timeout: 120_000 }, async () => {
  const up = await startUp(await temporaryFolder());
  const cli = startCli(['transcribe', join(SAMPLES, 'call.wav'), '--url', up.url]);
  await vi.waitUntil(() => cli.output.stderr.includes('processing'), {
    timeout: 30_000,
    interval: 20,
  });
  cli.child.kill('SIGINT');
  expect(await cli.exited()).toBe(1);
  expect(cli.output.stderr).toMatch(/%\nStopped by SIGINT\.\n$/);
});
