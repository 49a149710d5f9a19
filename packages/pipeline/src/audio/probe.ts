/** What a recording says about itself, before it is decoded; refuses what is no recording. */

import { stat } from 'node:fs/promises';
import { CodedError } from '@amanuensis/contract';
import { z } from 'zod';
import { type ChildExit, ConfinedChild, checkNotKilled } from './confined-child.ts';
import { INPUT_LIMITS, inputOf, READABLE_FORMATS } from './formats.ts';
import { lastWords } from './last-words.ts';
import { wavLengthSeconds } from './wav-length.ts';

const CPU_SECONDS = 20;
const TIMEOUT_MS = 30_000;
const MAX_OUTPUT_LENGTH = 1 << 20;
/**
 * Of FFmpeg's 100: four frames of mp3 in a row give 25, a file name alone 1; random bytes, in which
 * a frame or two are found by chance, give 5 at most.
 */
const MIN_PROBE_SCORE = 25;
/** FFmpeg's warning where a file does not say how long it is. */
const ESTIMATED = /Estimating duration from bitrate/;

export interface Probe {
  /** Length of the first audio stream; null where nothing tells. */
  readonly durationSeconds: number | null;
  /** Whether that length is guessed from the size of the file. */
  readonly isEstimated: boolean;
  /** Channels of that stream. */
  readonly nChannels: number;
}

const decimal = z.coerce.number().nonnegative().optional().catch(undefined);
const outputSchema = z.object({
  format: z.object({ format_name: z.string(), probe_score: z.int(), duration: decimal }).optional(),
  streams: z
    .array(
      z.object({
        codec_type: z.string().optional(),
        duration: decimal,
        channels: z.int().min(1).default(1),
        tags: z.object({ DURATION: z.string().optional() }).optional(),
      }),
    )
    .default([]),
});

/**
 * @throws CodedError `invalid_audio` with what is wrong with the file; `not_found`; `unavailable`
 *   without ffprobe; `deadline_exceeded`; the signal's reason.
 */
export async function probe(path: string, signal: AbortSignal): Promise<Probe> {
  await checkFile(path);
  const { exit, stdout, stderr } = await runProbe(path, signal);
  const output = exit.code === 0 ? outputSchema.parse(JSON.parse(stdout)) : { streams: [] };
  if (output.format === undefined || output.format.probe_score < MIN_PROBE_SCORE) {
    const words = lastWords(stderr, path);
    throw new CodedError(
      'invalid_audio',
      `The file is not a recording in a format that can be read: ${READABLE_FORMATS}${
        words === '' ? '' : ` (${words})`
      }.`,
    );
  }
  const stream = output.streams.find(({ codec_type }) => codec_type === 'audio');
  if (stream === undefined) {
    throw new CodedError('invalid_audio', 'The file holds no audio stream.');
  }
  const wavSeconds = output.format.format_name === 'wav' ? await wavLengthSeconds(path) : null;
  if (wavSeconds !== null) {
    return { durationSeconds: wavSeconds, isEstimated: false, nChannels: stream.channels };
  }
  const seconds = stream.duration ?? parseClock(stream.tags?.DURATION) ?? output.format.duration;
  return {
    durationSeconds: seconds ?? null,
    isEstimated: ESTIMATED.test(stderr),
    nChannels: stream.channels,
  };
}

async function checkFile(path: string): Promise<void> {
  const file = await stat(path).catch((cause: unknown) => {
    throw new CodedError('not_found', 'The recording is not there.', { cause });
  });
  if (!file.isFile()) throw new CodedError('invalid_audio', 'The recording is not a file.');
  if (file.size === 0) throw new CodedError('invalid_audio', 'The recording is empty: 0 bytes.');
}

interface ProbeRun {
  readonly exit: ChildExit;
  readonly stdout: string;
  readonly stderr: string;
}

async function runProbe(path: string, signal: AbortSignal): Promise<ProbeRun> {
  signal.throwIfAborted();
  const entries =
    'format=format_name,probe_score,duration:stream=codec_type,duration,channels:stream_tags=DURATION';
  const args = ['-v', 'warning', ...INPUT_LIMITS, '-show_entries', entries, '-of', 'json'];
  await using child = await ConfinedChild.spawn('ffprobe', [...args, inputOf(path)], {
    cpuSeconds: CPU_SECONDS,
    stdout: 'pipe',
  });
  const deadline = AbortSignal.timeout(TIMEOUT_MS);
  const stop = AbortSignal.any([signal, deadline]);
  const kill = (): void => child.kill();
  stop.addEventListener('abort', kill);
  if (stop.aborted) kill();
  try {
    let stdout = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      if (stdout.length > MAX_OUTPUT_LENGTH) kill();
    });
    const exit = await child.exit;
    signal.throwIfAborted();
    if (deadline.aborted) {
      throw new CodedError('deadline_exceeded', 'The recording was not recognised in time.');
    }
    if (stdout.length <= MAX_OUTPUT_LENGTH) checkNotKilled('ffprobe', exit);
    return { exit, stdout, stderr: child.stderr };
  } finally {
    stop.removeEventListener('abort', kill);
  }
}

/** Matroska's `00:01:02.500000000`, in seconds. */
function parseClock(text: string | undefined): number | undefined {
  const [, hours, minutes, seconds] = /^(\d+):(\d+):(\d+(?:\.\d+)?)$/.exec(text ?? '') ?? [];
  if (hours === undefined) return undefined;
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}
