/** What is true of every transcript, whatever was said. */

import type { Segment } from '@amanuensis/contract';
import type { Transcription } from '@amanuensis/pipeline';
import { expect } from 'vitest';

/** Segments and words in order, one inside the other, all inside the recording. */
export function expectInOrder({ segments, duration, text }: Transcription): void {
  expect(segments.map(({ id }) => id)).toEqual(segments.map((_, index) => index));
  let reached = 0;
  for (const segment of segments) {
    const about = `segment ${segment.id}, ${segment.start} to ${segment.end}:${segment.text}`;
    expect(segment.start, about).toBeGreaterThanOrEqual(reached);
    expect(segment.end, about).toBeGreaterThan(segment.start);
    expect(segment.text.trim(), about).not.toBe('');
    expect(segment.token_logprobs, about).toHaveLength(segment.tokens.length);
    expect(segment.token_texts, about).toHaveLength(segment.tokens.length);
    expectWordsInside(segment, about);
    reached = segment.end;
  }
  expect(reached).toBeLessThanOrEqual(duration + 0.01);
  expect(text).toBe(
    segments
      .map((segment) => segment.text)
      .join('')
      .trim(),
  );
}

function expectWordsInside({ start, end, text, words }: Segment, about: string): void {
  if (words === undefined) return;
  expect(words.map(({ word }) => word).join(''), about).toBe(text);
  let reached = start;
  for (const word of words) {
    expect(word.start, `${about}: ${word.word}`).toBeGreaterThanOrEqual(reached);
    expect(word.end, `${about}: ${word.word}`).toBeGreaterThanOrEqual(word.start);
    expect(word.probability, `${about}: ${word.word}`).toBeGreaterThan(0);
    reached = word.end;
  }
  expect(reached, about).toBeLessThanOrEqual(end);
}
