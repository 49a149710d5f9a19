/** Audio → PCM: an ffmpeg child decodes a recording, and its output is read straight into a slot. */

import { CodedError, type Warning } from '@amanuensis/contract';
import { ConfinedChild, checkNotKilled } from './audio/confined-child.ts';
import { type Channel, decoderArgs } from './audio/decoder-args.ts';
import { DecoderLog } from './audio/decoder-log.ts';
import { closeFd, openFifo } from './audio/fifo.ts';
import { lastWords } from './audio/last-words.ts';
import { missingSound } from './audio/missing-sound.ts';
import { PipeReader } from './audio/pipe-reader.ts';
import { type Probe, probe } from './audio/probe.ts';
import { silenceDamage } from './audio/silence-damage.ts';
import { SAMPLE_RATE_HZ } from './hyperparameters.ts';

/** A decoder that gives nothing for so long while it is asked is stopped. */
const STALL_TIMEOUT_MS = 60_000;
/** Decoding takes 3 to 10 s of CPU an hour of audio; ten times that, and a minute to start. */
const CPU_SECONDS_PER_AUDIO_SECOND = 100 / 3600;
const CPU_SECONDS_AT_LEAST = 60;
const F32_BYTES = Float32Array.BYTES_PER_ELEMENT;
/** An ffmpeg that was built without the resampler says so. */
const NO_RESAMPLER = /resampling engine is unavailable/;

export interface AudioToPcmOptions {
  readonly maxDurationSeconds: number;
  /** Largest file that is opened; 40 GiB unless given. */
  readonly maxBytes?: number;
  /** `mix` unless given. */
  readonly channel?: Channel;
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
   * Fills `out` from `begin` to `end` (all of it unless given), unless the recording ends; the
   * decoder waits while nobody reads. When it rejects, nothing is written to `out` any more and the
   * source is of no further use. A range spares those who read again and again a view for each read.
   *
   * @returns samples written, 0 after the end.
   * @throws CodedError `invalid_audio` when there is not one sample; `audio_too_long`;
   *   `deadline_exceeded` when the decoder stalls; the signal's reason.
   */
  read(out: Float32Array, signal: AbortSignal, begin?: number, end?: number): Promise<number>;
}

/**
 * Opens a recording of any common format. Disposing the source ends the decoder.
 *
 * @throws CodedError `invalid_audio` with what is wrong with the file; `audio_too_long`;
 *   `file_too_large`; `not_found`; `unavailable` when ffmpeg is not installed; `deadline_exceeded`;
 *   the signal's reason. RangeError when there is no such channel.
 */
export async function audioToPcm(
  path: string,
  { maxDurationSeconds, maxBytes, channel = 'mix', signal }: AudioToPcmOptions,
): Promise<PcmSource> {
  const found = await probe(path, signal, maxBytes);
  if (!found.isEstimated) checkDuration(found.durationSeconds ?? 0, maxDurationSeconds);
  checkChannel(channel, found.nChannels);
  const { readFd, writeFd } = await openFifo();
  const log = new DecoderLog();
  let decoder: ConfinedChild;
  try {
    decoder = await ConfinedChild.spawn('ffmpeg', decoderArgs(path, found, channel), {
      cpuSeconds: CPU_SECONDS_AT_LEAST + maxDurationSeconds * CPU_SECONDS_PER_AUDIO_SECOND,
      stdout: writeFd,
      onStderr: log.push,
    });
  } catch (error) {
    await closeFd(readFd);
    throw error;
  } finally {
    // The decoder has its own copy; with ours open the pipe would never end.
    await closeFd(writeFd);
  }
  const pipe = new PipeReader(readFd);
  return new DecodedRecording({ path, found, decoder, log, pipe, maxDurationSeconds });
}

interface Parts {
  readonly path: string;
  readonly found: Probe;
  readonly decoder: ConfinedChild;
  readonly log: DecoderLog;
  readonly pipe: PipeReader;
  readonly maxDurationSeconds: number;
}

class DecodedRecording implements PcmSource {
  readonly #parts: Parts;
  readonly #warnings: Warning[] = [];
  #samplesRead = 0;
  #damagedSamples = 0;
  #isOver = false;
  #stopReason: unknown;
  /** The memory of each `out` as bytes: there are few, which are filled again and again. */
  readonly #bytes = new WeakMap<Float32Array, Uint8Array>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get declaredDurationSeconds(): number | null {
    return this.#parts.found.durationSeconds;
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

  async read(out: Float32Array, signal: AbortSignal, begin = 0, end = out.length): Promise<number> {
    signal.throwIfAborted();
    if (this.#isOver || begin >= end) return 0;
    const { pipe, maxDurationSeconds } = this.#parts;
    const onAbort = (): void => this.#stop(signal.reason);
    const stalled = new CodedError('deadline_exceeded', 'The decoder of the recording stalled.');
    const timer = setTimeout(() => this.#stop(stalled), STALL_TIMEOUT_MS);
    signal.addEventListener('abort', onAbort);
    try {
      const bytes = this.#bytesOf(out);
      const nBytes = await pipe.read(bytes, begin * F32_BYTES, end * F32_BYTES, () =>
        timer.refresh(),
      );
      const nSamples = Math.floor(nBytes / F32_BYTES);
      this.#samplesRead += nSamples;
      this.#damagedSamples += silenceDamage(out, begin, begin + nSamples);
      checkDuration(this.durationSeconds, maxDurationSeconds);
      if (nSamples < end - begin) await this.#finish();
      signal.throwIfAborted();
      return nSamples;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    const { decoder, pipe } = this.#parts;
    decoder.kill();
    await pipe.close(new Error('the recording was closed'));
    await decoder.exit;
  }

  #bytesOf(out: Float32Array): Uint8Array {
    const known = this.#bytes.get(out);
    if (known !== undefined) return known;
    const bytes = new Uint8Array(out.buffer, out.byteOffset, out.byteLength);
    this.#bytes.set(out, bytes);
    return bytes;
  }

  #stop(reason: unknown): void {
    this.#stopReason ??= reason;
    this.#parts.decoder.kill();
    void this.#parts.pipe.close(reason);
  }

  /** The pipe is at its end: was it the recording's? */
  async #finish(): Promise<void> {
    this.#isOver = true;
    const { path, found, decoder, log } = this.#parts;
    const exit = await decoder.exit;
    if (this.#stopReason !== undefined) throw this.#stopReason;
    checkNotKilled('The decoder', exit);
    if (NO_RESAMPLER.test(log.errors)) {
      throw new CodedError(
        'unavailable',
        'ffmpeg was built without libsoxr, which is needed here.',
      );
    }
    if (this.#samplesRead === 0) {
      const reason = lastWords(log.errors, path) || 'it holds no sound';
      throw new CodedError('invalid_audio', `The recording cannot be decoded: ${reason}.`);
    }
    const durationSeconds = this.durationSeconds;
    this.#warnings.push(...missingSound({ path, found, log, exit, durationSeconds }));
  }
}

function checkChannel(channel: Channel, nChannels: number): void {
  if (channel === 'mix' || (Number.isInteger(channel) && channel >= 0 && channel < nChannels))
    return;
  throw new RangeError(`channel ${channel} of a recording that has ${nChannels}`);
}

function checkDuration(seconds: number, maxSeconds: number): void {
  if (seconds <= maxSeconds) return;
  throw new CodedError(
    'audio_too_long',
    `The recording is longer than the ${maxSeconds} s that are allowed.`,
  );
}
