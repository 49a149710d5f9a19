/** What the demonstration prints about its transcripts. */

import type { Transcript } from '@amanuensis/contract';
import Table from 'cli-table3';
import type { WordErrors } from './word-error-rate.ts';

const MIN_COLUMNS = 40;
const MAX_COLUMNS = 120;
const DEFAULT_COLUMNS = 100;

export interface DemoOutcome {
  readonly name: string;
  readonly expected: string;
  readonly transcript: Transcript;
  readonly errors: WordErrors;
}

/** The figures in one line, then the transcript beside what was said. */
export function describeOutcome({ name, expected, transcript, errors }: DemoOutcome): string {
  const { duration, processing_seconds: processing, ran_on: ranOn } = transcript;
  const facts = [
    `WER ${percent(errors.rate)} (${errors.errors} of ${errors.words} words)`,
    `RTFx ${(duration / processing).toFixed(1)}`,
    `${duration.toFixed(1)} s of audio in ${processing.toFixed(1)} s`,
    `${ranOn.device}, ${ranOn.execution_provider}`,
    'webhook verified',
  ];
  const columns = Math.min(
    Math.max(process.stdout.columns || DEFAULT_COLUMNS, MIN_COLUMNS),
    MAX_COLUMNS,
  );
  const width = Math.floor((columns - 3) / 2);
  const table = new Table({
    head: ['what was said', 'transcript'],
    colWidths: [width, width],
    wordWrap: true,
    style: { head: [], border: [] },
  });
  table.push([expected, transcript.text.trim()]);
  return `\n${name}: ${facts.join(' · ')}\n${table.toString()}`;
}

export function describeDemo(outcomes: readonly DemoOutcome[]): string {
  const sum = (pick: (outcome: DemoOutcome) => number) =>
    outcomes.reduce((total, outcome) => total + pick(outcome), 0);
  const errors = sum((outcome) => outcome.errors.errors);
  const words = sum((outcome) => outcome.errors.words);
  return `
All ${outcomes.length} recordings: WER ${percent(errors / words)} (${errors} of ${words} words)

This is the demonstration model. It knows some 1,400 words of synthetic speech and nothing else; on
real speech it is useless. For that, give the worker a published Whisper such as whisper-base.
`;
}

const percent = (rate: number): string => `${(rate * 100).toFixed(1)} %`;
