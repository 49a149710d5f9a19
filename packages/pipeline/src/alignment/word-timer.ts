/** Word times of a model: the graph, and the memory of one text at a time, made when first needed. */

import { AlignmentDecoder } from '../decoding/alignment-decoder.ts';
import type { DecoderLane } from '../decoding/decoder-lane.ts';
import type { InferenceSession } from '../inference/inference-port.ts';
import type { WhisperDimensions } from '../model/whisper-config.ts';
import type { WindowSpan } from '../tokens-to-segments.ts';
import { type SpokenText, tokensToWords } from '../tokens-to-words.ts';
import { AlignmentScratch } from './alignment-scratch.ts';
import type { TimedWord } from './timed-word.ts';

/** What is timed: the text of one window, which `lane` still holds. */
export interface WindowText extends SpokenText {
  readonly lane: DecoderLane;
  /** Start-of-transcript, language, task, no-timestamps. */
  readonly start: readonly number[];
  readonly endOfText: number;
  readonly span: WindowSpan;
}

interface AlignmentParts {
  readonly nHeads: number;
  readonly dimensions: WhisperDimensions;
  /** Loads the decoder graph that answers its cross-attention. */
  openSession(): Promise<InferenceSession>;
}

interface Opened {
  readonly decoder: AlignmentDecoder;
  readonly scratch: AlignmentScratch;
}

export class WordTimer implements Disposable {
  readonly #parts: AlignmentParts;
  #opened: Promise<Opened> | undefined;

  constructor(parts: AlignmentParts) {
    this.#parts = parts;
  }

  /**
   * @throws InferenceError `aborted`, or `invalid_model` where the graph cannot be loaded; the
   *   signal's reason while another recording is timed.
   */
  async wordsOf(text: WindowText, signal: AbortSignal): Promise<TimedWord[]> {
    if (text.textTokens.length === 0) return [];
    this.#opened ??= this.#open();
    const { decoder, scratch } = await this.#opened.catch((error: unknown) => {
      // The next recording tries again.
      this.#opened = undefined;
      throw error;
    });
    using lease = await scratch.acquire(signal);
    const run = await decoder.run(text.lane, text.start, text.textTokens, text.endOfText, signal);
    return await tokensToWords(run, text, text.span, lease, signal);
  }

  [Symbol.dispose](): void {
    const dispose = ({ decoder }: Opened): void => decoder[Symbol.dispose]();
    void this.#opened?.then(dispose, () => undefined);
  }

  async #open(): Promise<Opened> {
    const { nHeads, dimensions, openSession } = this.#parts;
    const { nTextPositions, nAudioPositions } = dimensions;
    const decoder = new AlignmentDecoder(await openSession(), nHeads, dimensions);
    return { decoder, scratch: new AlignmentScratch(nTextPositions, nAudioPositions) };
  }
}
