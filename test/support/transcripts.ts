/** Transcripts to write: by hand, and arbitrary ones. */

import type { Segment, Transcript, Word } from '@amanuensis/contract';
import fc from 'fast-check';

/** Text and its times in seconds. */
export type Timed = readonly [text: string, start: number, end: number];

/** What a test says of a segment; the rest is filled in. */
export type SegmentParts = Pick<Segment, 'start' | 'end' | 'text'> & Partial<Segment>;

export function transcriptOf(...segments: SegmentParts[]): Transcript {
  return {
    text: segments
      .map(({ text }) => text)
      .join('')
      .trim(),
    language: 'en',
    language_probability: null,
    duration: 60,
    model: 'demo',
    segments: segments.map((parts, id) => ({
      id,
      seek: 0,
      tokens: [],
      token_logprobs: [],
      temperature: 0,
      compression_ratio: 1,
      avg_logprob: 0,
      no_speech_prob: 0,
      ...parts,
    })),
    warnings: [],
    ran_on: { device: 'cpu0', execution_provider: 'CPUExecutionProvider' },
    processing_seconds: 1,
  };
}

/** A segment without word times. */
export function said(text: string, start: number, end: number): SegmentParts {
  return { text, start, end };
}

/** A segment of timed words, from the first to the last of them. */
export function spoken(...timed: Timed[]): SegmentParts {
  const words = timed.map(([word, start, end]): Word => ({ word, start, end, probability: 1 }));
  const text = timed.map(([word]) => word).join('');
  return { text, start: words[0]?.start ?? 0, end: words.at(-1)?.end ?? 0, words };
}

const AWKWARD = ['-->', '--', '>', '<i>', '</u>', '&amp;', '&', '{b}', '1', 'x\ny', '😀', '日本'];
const word = fc
  .tuple(
    fc.boolean(),
    fc.oneof(fc.stringMatching(/^[a-z]{1,14}[.,?]?$/), fc.constantFrom(...AWKWARD)),
  )
  .map(([spaced, text]) => `${spaced ? ' ' : ''}${text}`);
/** Hundredths of a second before a word, and of the word. */
const span = fc.tuple(fc.nat({ max: 400 }), fc.integer({ min: 1, max: 80 }));
const speaker = fc.constantFrom(undefined, 'Ann', 'Bob & <Co>');
const parts = fc.tuple(fc.array(fc.tuple(word, span), { minLength: 1, maxLength: 12 }), speaker);

export interface TranscriptTraits {
  readonly hasWords: boolean;
  readonly hasSpeakers: boolean;
}

/** Ordered segments that do not overlap, of ordered words that do not either and are never instants. */
export function arbitraryTranscript(traits: TranscriptTraits): fc.Arbitrary<Transcript> {
  const { hasWords, hasSpeakers } = traits;
  const begin = fc.constantFrom(0, 3_599, 36_000);
  return fc.tuple(begin, fc.array(parts, { maxLength: 6 })).map(([beginSeconds, segments]) => {
    let now = beginSeconds * 100;
    const timed = segments.map(([words, name]): SegmentParts => {
      const { words: spokenWords = [], ...rest } = spoken(
        ...words.map(([text, [pause, length]]): Timed => {
          const start = now + pause;
          now = start + length;
          return [text, start / 100, now / 100];
        }),
      );
      return {
        ...rest,
        ...(hasWords && { words: spokenWords }),
        ...(hasSpeakers && name !== undefined && { speaker: name }),
      };
    });
    return transcriptOf(...timed);
  });
}
