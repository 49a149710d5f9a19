/** Audio → PCM: an ffmpeg child decodes a recording, and its output is read straight into a slot. */

import { CodedError, type Warning } from '@amanuensis/contract';
import { ConfinedChild, checkNotKilled } from './audio/confined-child.ts';
import { closeFd, openFifo } from './audio/fifo.ts';
import { INPUT_LIMITS, inputOf } from './audio/formats.ts';
import { lastWords } from './audio/last-words.ts';
import { PipeReader } from './audio/pipe-reader.ts';
import { type Probe, probe } from './audio/probe.ts';
import { silenceDamage } from './audio/silence-damage.ts';
import { SAMPLE_RATE_HZ } from './hyperparameters.ts';

/** A decoder that gives nothing for so long while it is asked is stopped. */
const STALL_TIMEOUT_MS = 60_000;
/** Decoding takes 3 to 10 s of CPU an hour of audio; ten times that, and a minute to start. */
const CPU_SECONDS_PER_AUDIO_SECOND = 100 / 3600;
const CPU_SECONDS_AT_LEAST = 60;
/** Decoded audio may fall short of the declared by both of these: encoders pad and round. */
const SHORTFALL_SECONDS = 1;
const SHORTFALL_RATIO = 0.02;

/** All channels as one, or one of them, counted from 0. */
export type Channel = 'mix' | number;

export interface AudioToPcmOptions {
  /** `mix` unless given. */
  readonly channel?: Channel;
  readonly maxDurationSeconds: number;
  /** Stops the opening; each read has a signal of its own. */
  readonly signal: AbortSignal;
}

/** A recording as 16 kHz mono f32, from its begin to its end, in constant memory. */
export interface PcmSource extends AsyncDisposable {
  /** What the file says; null where it does not. */
  readonly declaredDurationSeconds: number | null;
  /** Of what is decoded so far. */
  readonly durationSeconds: number;
  readonly samplesRead: number;
  /** Complete when {@link read} has answered less than it was asked for. */
  readonly warnings: readonly Warning[];
  /**
   * Fills `out` completely unless the recording ends; the decoder waits while nobody reads. When
   * it rejects, nothing is written to `out` any more and the source is of no further use.
   *
   * @returns samples written, 0 after the end.
   * @throws CodedError `invalid_audio` when there is not one sample; `audio_too_long`;
   *   `deadline_exceeded` when the decoder stalls; the signal's reason.
   */
  read(out: Float32Array, signal: AbortSignal): Promise<number>;
}

/**
 * Opens a recording of any common format. Disposing the source ends the decoder.
 *
 * @throws CodedError `invalid_audio` with what is wrong with the file; `audio_too_long`;
 *   `not_found`; `unavailable` when ffmpeg is not installed; `deadline_exceeded`; the signal's
 *   reason.
 */
export async function audioToPcm(
  path: string,
  { maxDurationSeconds, channel = 'mix', signal }: AudioToPcmOptions,
): Promise<PcmSource> {
  const found = await probe(path, signal);
  if (!found.isEstimated) checkDuration(found.durationSeconds ?? 0, maxDurationSeconds);
  const { readFd, writeFd } = await openFifo();
  let decoder: ConfinedChild;
  try {
    decoder = await ConfinedChild.spawn('ffmpeg', decoderArgs(path, channel), {
      cpuSeconds: CPU_SECONDS_AT_LEAST + maxDurationSeconds * CPU_SECONDS_PER_AUDIO_SECOND,
      stdout: writeFd,
    });
  } catch (error) {
    await closeFd(readFd);
    throw error;
  } finally {
    // The decoder has its own copy; with ours open the pipe would never end.
    await closeFd(writeFd);
  }
  return new DecodedRecording(path, found, decoder, new PipeReader(readFd), maxDurationSeconds);
}

function decoderArgs(path: string, channel: Channel): string[] {
  const input = ['-threads', '1', ...INPUT_LIMITS, '-i', inputOf(path), '-map', '0:a:0', '-vn'];
  const choice = channel === 'mix' ? '' : `pan=mono|c0=c${channel},`;
  const resampler = `${choice}aresample=${SAMPLE_RATE_HZ}:resampler=soxr:precision=20`;
  const output = ['-ac', '1', '-af', resampler, '-threads', '1', '-f', 'f32le', 'pipe:1'];
  return ['-v', 'error', '-nostdin', '-nostats', ...input, ...output];
}

class DecodedRecording implements PcmSource {
  readonly declaredDurationSeconds: number | null;
  readonly #path: string;
  readonly #probe: Probe;
  readonly #decoder: ConfinedChild;
  readonly #pipe: PipeReader;
  readonly #maxDurationSeconds: number;
  readonly #warnings: Warning[] = [];
  #samplesRead = 0;
  #damagedSamples = 0;
  #isOver = false;
  #stopReason: unknown;

  constructor(
    path: string,
    found: Probe,
    decoder: ConfinedChild,
    pipe: PipeReader,
    maxDurationSeconds: number,
  ) {
    this.declaredDurationSeconds = found.durationSeconds;
    this.#path = path;
    this.#probe = found;
    this.#decoder = decoder;
    this.#pipe = pipe;
    this.#maxDurationSeconds = maxDurationSeconds;
  }

  get samplesRead(): number {
    return this.#samplesRead;
  }

  get durationSeconds(): number {
    return this.#samplesRead / SAMPLE_RATE_HZ;
  }

  get warnings(): readonly Warning[] {
    if (this.#damagedSamples === 0) return this.#warnings;
    const message = `${this.#damagedSamples} samples are damaged and were taken as silence.`;
    return [...this.#warnings, { code: 'damaged_samples', message }];
  }

  async read(out: Float32Array, signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    if (this.#isOver || out.length === 0) return 0;
    const onAbort = (): void => this.#stop(signal.reason);
    const stalled = new CodedError('deadline_exceeded', 'The decoder of the recording stalled.');
    const timer = setTimeout(() => this.#stop(stalled), STALL_TIMEOUT_MS);
    signal.addEventListener('abort', onAbort);
    try {
      const bytes = new Uint8Array(out.buffer, out.byteOffset, out.byteLength);
      const nBytes = await this.#pipe.read(bytes, () => timer.refresh());
      const nSamples = Math.floor(nBytes / Float32Array.BYTES_PER_ELEMENT);
      this.#samplesRead += nSamples;
      this.#damagedSamples += silenceDamage(out, nSamples);
      checkDuration(this.durationSeconds, this.#maxDurationSeconds);
      if (nBytes < bytes.length) await this.#finish();
      signal.throwIfAborted();
      return nSamples;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    this.#decoder.kill();
    await this.#pipe.close(new Error('the recording was closed'));
    await this.#decoder.exit;
  }

  #stop(reason: unknown): void {
    this.#stopReason ??= reason;
    this.#decoder.kill();
    void this.#pipe.close(reason);
  }

  /** The pipe is at its end: was it the recording's? */
  async #finish(): Promise<void> {
    this.#isOver = true;
    const exit = await this.#decoder.exit;
    if (this.#stopReason !== undefined) throw this.#stopReason;
    checkNotKilled('The decoder', exit);
    const { code, signal } = exit;
    const words = lastWords(this.#decoder.stderr, this.#path);
    if (this.#samplesRead === 0) {
      const reason = words === '' ? 'it holds no sound' : words;
      throw new CodedError('invalid_audio', `The recording cannot be decoded: ${reason}.`);
    }
    if (code !== 0) {
      const reason = words || (signal === null ? `the decoder ended with code ${code}` : signal);
      this.#warn(`The recording was decoded up to an error: ${reason}.`);
      return;
    }
    const declared = this.#probe.durationSeconds;
    if (declared === null || this.#probe.isEstimated) return;
    const missing = declared - this.durationSeconds;
    if (missing > SHORTFALL_SECONDS && missing > declared * SHORTFALL_RATIO) {
      this.#warn(
        `The recording declares ${declared.toFixed(1)} s, but only ` +
          `${this.durationSeconds.toFixed(1)} s of it could be decoded.`,
      );
    }
  }

  #warn(message: string): void {
    this.#warnings.push({ code: 'truncated_audio', message });
  }
}

function checkDuration(seconds: number, maxSeconds: number): void {
  if (seconds <= maxSeconds) return;
  throw new CodedError(
    'audio_too_long',
    `The recording is longer than the ${maxSeconds} s that are allowed.`,
  );
}
