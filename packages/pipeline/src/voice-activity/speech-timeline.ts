/** Times in what is left of a recording ↔ times in the recording, exact to the sample. */

import type { SpeechPadding } from './speech-span-options.ts';

/**
 * ```
 * recording   ──[ piece 0 ]────────[ piece 1 ]──[ 2 ]──
 * speech        [ piece 0 ][ piece 1 ][ 2 ]
 * ```
 *
 * A piece takes 16 bytes: a recording of many hours has some thousands of them.
 */
export class SpeechTimeline {
  /** First sample of each piece, in what is left. */
  readonly #speechStarts: number[] = [];
  /** First sample of each piece, in the recording. */
  readonly #recordingStarts: number[] = [];
  #nSamples = 0;

  /** Samples that are left. */
  get nSamples(): number {
    return this.#nSamples;
  }

  /** The next samples that are left: `nSamples` of the recording from `recordingStart` on. */
  append(recordingStart: number, nSamples: number): void {
    const last = this.#speechStarts.length - 1;
    const isContinued = last >= 0 && this.#nSamples + this.#offsetOf(last) === recordingStart;
    if (nSamples > 0 && !isContinued) {
      this.#speechStarts.push(this.#nSamples);
      this.#recordingStarts.push(recordingStart);
    }
    this.#nSamples += nSamples;
  }

  /** Where a sample of what is left lies in the recording; beyond the end as if it went on. */
  toRecording(sample: number): number {
    return sample + this.#offsetOf(pieceAt(this.#speechStarts, sample));
  }

  /** Where a sample of the recording lies in what is left; in silence, where the next piece begins. */
  toSpeech(sample: number): number {
    if (sample < (this.#recordingStarts[0] ?? 0)) return 0;
    const piece = pieceAt(this.#recordingStarts, sample);
    return Math.min(sample - this.#offsetOf(piece), this.#endOf(piece));
  }

  /**
   * Where something that is heard from `start` to `end` of what is left was heard in the recording.
   *
   * What begins in the padding that ends one piece and goes on into the next was spoken in the next:
   * otherwise it would begin before all the silence that lay between. What ends in the padding that
   * begins a piece was spoken before it.
   *
   * @param padding of the pieces at their begin and end.
   */
  toRecordingSpan(
    start: number,
    end: number,
    padding: SpeechPadding,
  ): { readonly start: number; readonly end: number } {
    let first = pieceAt(this.#speechStarts, start);
    // An end that is the begin of a piece is the end of the one before.
    let last = Math.max(first, pieceAt(this.#speechStarts, end - 1));
    let from = start;
    let to = end;
    if (first < last && this.#endOf(first) - start <= padding.paddingAfterSamples) {
      from = this.#endOf(first);
      first++;
    }
    if (first < last && end - this.#endOf(last - 1) <= padding.paddingBeforeSamples) {
      last--;
      to = this.#endOf(last);
    }
    return { start: from + this.#offsetOf(first), end: to + this.#offsetOf(last) };
  }

  /** What is to be added to a sample of the piece to have it in the recording. */
  #offsetOf(piece: number): number {
    return (this.#recordingStarts[piece] ?? 0) - (this.#speechStarts[piece] ?? 0);
  }

  #endOf(piece: number): number {
    return this.#speechStarts[piece + 1] ?? this.#nSamples;
  }
}

/** The last of the ascending `starts` that is not after `sample`; 0 where all are. */
function pieceAt(starts: readonly number[], sample: number): number {
  let low = 0;
  let high = starts.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) <= sample) low = middle;
    else high = middle;
  }
  return low;
}
