/** How ffmpeg is asked for the sound of a recording, so that sample n is always n / 16,000 s into it. */

import { SAMPLE_RATE_HZ } from '../hyperparameters.ts';
import { INPUT_LIMITS, inputOf } from './formats.ts';
import type { Probe } from './probe.ts';

/** FFmpeg's downmix of all channels, or one of them alone, counted from 0. */
export type Channel = 'mix' | number;

/** A start that is later than this after the file's is kept as silence: FFmpeg's own for a gap. */
const LATE_START_SECONDS = 0.1;

/**
 * Arguments of an ffmpeg that writes 16 kHz mono f32 to its stdout, and to its stderr what
 * `decoder-log.ts` reads.
 */
export function decoderArgs(path: string, found: Probe, channel: Channel): string[] {
  const input = ['-threads', '1', ...INPUT_LIMITS, '-i', inputOf(path), '-map', '0:a:0', '-vn'];
  const filters = [
    keepOrder,
    ...pick(found, channel),
    keepTimes(found),
    `aresample=${SAMPLE_RATE_HZ}:resampler=soxr:precision=20`,
  ];
  const output = ['-ac', '1', '-af', filters.join(','), '-threads', '1', '-f', 'f32le', 'pipe:1'];
  // Frames that cannot be decoded are counted here, and are no reason to give up on the others.
  const log = ['-v', 'repeat+level+verbose', '-nostdin', '-nostats', '-max_error_rate', '1'];
  return [...log, ...input, ...output];
}

/** Silence at the begin where the sound starts later than the picture does, in seconds. */
export function leadingSilenceSeconds({ startSeconds }: Probe): number {
  return startSeconds > LATE_START_SECONDS ? startSeconds : 0;
}

/**
 * Times never go back, so that {@link keepTimes} has nothing to throw away: in files that were
 * joined they may begin anew. Register 0 holds where the frame before ended.
 */
const keepOrder = "asetpts='st(0,max(PTS,ld(0)))+0*st(0,ld(0)+NB_SAMPLES)'";

/**
 * Where the times say that sound is missing, silence takes its place: what cannot be decoded, or
 * was never recorded, moves nothing that comes after it. A filter of its own, without a change of
 * rate, because FFmpeg's count of what soxr holds back is wrong: there a gap of 7 s became 26 s.
 */
function keepTimes(found: Probe): string {
  return leadingSilenceSeconds(found) > 0 ? 'aresample=async=1:first_pts=0' : 'aresample=async=1';
}

/** Before the resampler, which then has one channel to do. */
function pick({ nChannels, hasLayout }: Probe, channel: Channel): string[] {
  if (channel !== 'mix') return [`pan=mono|c0=c${channel}`];
  if (hasLayout || nChannels <= 2) return [];
  // Nobody says where these microphones stood: FFmpeg would guess, and leave some out, or fail.
  const all = Array.from({ length: nChannels }, (_, index) => `c${index}`);
  return [`pan=mono|c0<${all.join('+')}`];
}
