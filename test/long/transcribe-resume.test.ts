/** A recording that is transcribed in parts, by one worker after the other, gives the same transcript. */

import type { Segment } from '@amanuensis/contract';
import { type Checkpoint, checkpointSchema, type Transcription } from '@amanuensis/pipeline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { joined, type SpokenSound, writeRecording } from '../support/spoken-recordings.ts';
import { openDevice, type TestDevice } from '../support/whisper-device.ts';

const TIMEOUT = { timeout: 300_000 };
type Options = Parameters<TestDevice['transcribe']>[1];

let device: TestDevice;
beforeAll(async () => {
  device = await openDevice({ lanesPerJob: 2 });
});
afterAll(async () => {
  await device?.[Symbol.asyncDispose]();
});

interface Stopped {
  readonly checkpoint: Checkpoint;
  readonly segments: readonly Segment[];
}

/** What is kept of a recording that was stopped after so many parts, as it comes out of a store. */
async function stoppedAfter(nParts: number, path: string, options: Options): Promise<Stopped> {
  const stop = new AbortController();
  const segments: Segment[] = [];
  let checkpoint: Checkpoint | undefined;
  let left = nParts;
  const stopped = device.transcribe(path, options, {
    signal: stop.signal,
    onPart: (part) => {
      if (left-- <= 0) return;
      segments.push(...part.segments);
      checkpoint = part.checkpoint;
      if (left === 0) stop.abort(new Error('stopped'));
    },
  });
  // After its last part a recording may be done before it is told to stop.
  await stopped.catch(() => undefined);
  expect(stop.signal.aborted).toBe(true);
  const stored: Stopped = JSON.parse(JSON.stringify({ checkpoint, segments }));
  return { ...stored, checkpoint: checkpointSchema.parse(stored.checkpoint) };
}

const once = joined('standup.wav', 18.8, 'voicemail.wav', 16.9, 'standup.wav');
const CASES: readonly (readonly [name: string, sounds: readonly SpokenSound[], Options])[] = [
  [
    'windows in order, each told the one before',
    [once],
    {
      temperature: 0.2,
      condition_on_previous_text: true,
      prompt: 'Hello.',
      prefix: 'Good',
      word_timestamps: true,
      hallucination_silence_threshold: 2,
    },
  ],
  ['speech alone', [once], { temperature: 0, vad_filter: true, word_timestamps: true }],
  [
    'windows side by side',
    [once],
    { temperature: 0, mode: 'batched', prompt: 'Hello.', word_timestamps: true },
  ],
  [
    'clips',
    [once],
    { temperature: 0, vad_filter: true, clip_timestamps: [1.4, 5.2, 7.9, 38, 40, 60] },
  ],
  [
    'channels',
    [joined('standup.wav'), joined('voicemail.wav')],
    { temperature: 0, channels: 'separate', clip_timestamps: [0, 7.9, 8] },
  ],
];

test.each(CASES)('%s', TIMEOUT, async (_, sounds, options) => {
  const path = writeRecording(...sounds);
  const parts: Stopped[] = [];
  const undisturbed = await device.transcribe(path, options, {
    onPart: ({ checkpoint, segments }) => parts.push({ checkpoint, segments }),
  });
  expect(undisturbed.segments.length).toBeGreaterThan(2);
  expect(parts.length).toBeGreaterThan(1);
  for (let nParts = 1; nParts <= parts.length; nParts++) {
    const resumeFrom = await stoppedAfter(nParts, path, options);
    expect(resumeFrom.checkpoint, `after part ${nParts}`).toEqual(parts[nParts - 1]?.checkpoint);
    const later: number[] = [];
    const resumed = await device.transcribe(path, options, {
      resumeFrom,
      onPart: ({ processedSeconds }) => later.push(processedSeconds),
    });
    expect(resumed, `after part ${nParts}`).toEqual<Transcription>(undisturbed);
    expect(later, `after part ${nParts}`).toHaveLength(parts.length - nParts);
  }
  expect(device.slotsInUse()).toEqual([0, 0, 0, 0]);
});
