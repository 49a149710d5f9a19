/** What a recording says about itself, before it is decoded; refuses what is no recording. */

import { stat } from 'node:fs/promises';
import { CodedError } from '@amanuensis/contract';
import { z } from 'zod';
import { type ChildExit, ConfinedChild, checkNotKilled } from './confined-child.ts';
import { readDeclaredEnd } from './declared-end.ts';
import { INPUT_LIMITS, inputOf, MAX_CHANNELS, READABLE_FORMATS } from './formats.ts';
import { lastWords } from './last-words.ts';

const CPU_SECONDS = 20;
const TIMEOUT_MS = 30_000;
const MAX_OUTPUT_LENGTH = 1 << 20;
/** Ten times four hours of two channels of 24 bits at 48 kHz. */
const MAX_BYTES = 40 * 2 ** 30;
/**
 * Of FFmpeg's 100: four frames of mp3 in a row give 25, a file name alone 1; random bytes, in which
 * a frame or two are found by chance, give 5 at most.
 */
const MIN_PROBE_SCORE = 25;
/** FFmpeg's warning where a file does not say how long it is. */
const ESTIMATED = /Estimating duration from bitrate/;

export interface Probe {
  /** From the begin of the recording to the end of its sound; null where nothing tells. */
  readonly durationSeconds: number | null;
  /** Whether that length is guessed: from the size of the file, or from its pictures. */
  readonly isEstimated: boolean;
  /** How much later the sound begins than the recording, in which pictures may come first. */
  readonly startSeconds: number;
  /** Whether the end is missing that every file of this format has. */
  readonly isCutOff: boolean;
  readonly nChannels: number;
  /** Whether the file says which channel is left, right, in front and so on. */
  readonly hasLayout: boolean;
  /** Hz, as it is stored. */
  readonly sampleRateHz: number;
  /** Tracks of sound: the first is the one that is decoded. */
  readonly nTracks: number;
}

const decimal = z.coerce.number().optional().catch(undefined);
const duration = z.coerce.number().nonnegative().optional().catch(undefined);
const streamSchema = z.object({
  codec_type: z.string().optional(),
  duration,
  start_time: decimal,
  channels: z.int().nonnegative().default(0),
  channel_layout: z.string().default('unknown'),
  sample_rate: z.coerce.number().nonnegative().catch(0),
  tags: z.object({ DURATION: z.string().optional() }).default({}),
});
type Stream = z.output<typeof streamSchema>;
const formatSchema = z.object({
  format_name: z.string(),
  probe_score: z.int(),
  duration,
  start_time: decimal,
});
type Format = z.output<typeof formatSchema>;
const outputSchema = z.object({
  format: formatSchema.optional(),
  streams: z.array(streamSchema).default([]),
});
const ENTRIES =
  'format=format_name,probe_score,duration,start_time' +
  ':stream=codec_type,duration,start_time,channels,channel_layout,sample_rate' +
  ':stream_tags=DURATION';

/**
 * @param maxBytes largest file that is looked at; 40 GiB unless given.
 * @throws CodedError `invalid_audio` with what is wrong with the file; `file_too_large`;
 *   `not_found`; `unavailable` without ffprobe; `deadline_exceeded`; the signal's reason.
 */
export async function probe(
  path: string,
  signal: AbortSignal,
  maxBytes = MAX_BYTES,
): Promise<Probe> {
  await checkFile(path, maxBytes);
  const { exit, stdout, stderr } = await runProbe(path, signal);
  const { format, streams } =
    exit.code === 0 ? outputSchema.parse(JSON.parse(stdout)) : { format: undefined, streams: [] };
  if (format === undefined || format.probe_score < MIN_PROBE_SCORE) {
    const words = lastWords(stderr, path);
    throw new CodedError(
      'invalid_audio',
      `The file is not a recording in a format that can be read: ${READABLE_FORMATS}${
        words === '' ? '' : ` (${words})`
      }.`,
    );
  }
  const tracks = streams.filter(({ codec_type }) => codec_type === 'audio');
  const [track] = tracks;
  if (track === undefined) {
    throw new CodedError('invalid_audio', 'The file holds no audio stream.');
  }
  const { channels: nChannels, channel_layout: layout, sample_rate: sampleRateHz } = track;
  if (nChannels > MAX_CHANNELS) {
    const message = `The recording has ${nChannels} channels; ${MAX_CHANNELS} can be read.`;
    throw new CodedError('invalid_audio', message);
  }
  const declared = await readDeclaredEnd(path, format.format_name);
  return {
    ...(declared.lengthSeconds === null
      ? lengthOf(track, format, streams.length === 1, ESTIMATED.test(stderr))
      : { durationSeconds: declared.lengthSeconds, isEstimated: false }),
    isCutOff: declared.isCutOff,
    startSeconds: startOf(track, format),
    nChannels,
    hasLayout: layout !== 'unknown',
    sampleRateHz,
    nTracks: tracks.length,
  };
}

function startOf(track: Stream, format: Format): number {
  return Math.max(0, (track.start_time ?? 0) - (format.start_time ?? track.start_time ?? 0));
}

function lengthOf(track: Stream, format: Format, isAlone: boolean, isGuess: boolean) {
  const own =
    track.duration === undefined
      ? parseClock(track.tags.DURATION)
      : startOf(track, format) + track.duration;
  return {
    durationSeconds: own ?? format.duration ?? null,
    // Of a file without a length of its sound it may be the picture that lasts so long.
    isEstimated: isGuess || (own === undefined && !isAlone),
  };
}

async function checkFile(path: string, maxBytes: number): Promise<void> {
  const file = await stat(path).catch((cause: unknown) => {
    throw new CodedError('not_found', 'The recording is not there.', { cause });
  });
  if (!file.isFile()) throw new CodedError('invalid_audio', 'The recording is not a file.');
  if (file.size === 0) throw new CodedError('invalid_audio', 'The recording is empty: 0 bytes.');
  if (file.size > maxBytes) {
    const message = `The recording is larger than the ${maxBytes} bytes that are allowed.`;
    throw new CodedError('file_too_large', message);
  }
}

interface ProbeRun {
  readonly exit: ChildExit;
  readonly stdout: string;
  readonly stderr: string;
}

async function runProbe(path: string, signal: AbortSignal): Promise<ProbeRun> {
  signal.throwIfAborted();
  const args = ['-v', 'warning', ...INPUT_LIMITS, '-show_entries', ENTRIES, '-of', 'json'];
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
