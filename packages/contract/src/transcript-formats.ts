/** In which forms a transcript is delivered: the one list that the API and the command line use. */

import { checkSubtitleOptions, type SubtitleOptions } from './subtitle-options.ts';
import type { Transcript } from './transcript.ts';
import { transcriptToSrt } from './transcript-to-srt.ts';
import { transcriptToText } from './transcript-to-text.ts';
import { transcriptToTsv } from './transcript-to-tsv.ts';
import { transcriptToVerboseJson } from './transcript-to-verbose-json.ts';
import { transcriptToVtt } from './transcript-to-vtt.ts';
import type { TranscriptionOptions } from './transcription-options.ts';

export interface FormatOptions {
  /** How subtitles are laid out; the other formats have no options. */
  readonly subtitles?: SubtitleOptions;
  /** What the job did. */
  readonly task?: TranscriptionOptions['task'];
}

export interface TranscriptFormat {
  /** With the charset. */
  readonly mediaType: string;
  /** Without a dot; no two formats of a recording have the same. */
  readonly fileExtension: string;
  /** Whether `subtitles` of the options mean something to it. */
  readonly isSubtitles: boolean;
  /** @throws CodedError `invalid_request`, which names an option that it cannot honour. */
  readonly write: (transcript: Transcript, options?: FormatOptions) => string;
}

export const TRANSCRIPT_FORMATS = {
  /** The transcript as it is stored. */
  json: {
    mediaType: 'application/json; charset=utf-8',
    fileExtension: 'json',
    isSubtitles: false,
    write: (transcript) => JSON.stringify(transcript),
  },
  text: {
    mediaType: 'text/plain; charset=utf-8',
    fileExtension: 'txt',
    isSubtitles: false,
    write: (transcript) => transcriptToText(transcript),
  },
  srt: {
    mediaType: 'application/x-subrip; charset=utf-8',
    fileExtension: 'srt',
    isSubtitles: true,
    write: subtitles(transcriptToSrt),
  },
  vtt: {
    mediaType: 'text/vtt; charset=utf-8',
    fileExtension: 'vtt',
    isSubtitles: true,
    write: subtitles(transcriptToVtt),
  },
  tsv: {
    mediaType: 'text/tab-separated-values; charset=utf-8',
    fileExtension: 'tsv',
    isSubtitles: false,
    write: (transcript) => transcriptToTsv(transcript),
  },
  /** OpenAI's, with all times that the transcript has. */
  verbose_json: {
    mediaType: 'application/json; charset=utf-8',
    fileExtension: 'verbose.json',
    isSubtitles: false,
    write: verboseJson,
  },
} as const satisfies Readonly<Record<string, TranscriptFormat>>;

export type TranscriptFormatName = keyof typeof TRANSCRIPT_FORMATS;

export const TRANSCRIPT_FORMAT_NAMES = Object.keys(TRANSCRIPT_FORMATS) as TranscriptFormatName[];

function subtitles(
  write: (transcript: Transcript, options: SubtitleOptions) => string,
): TranscriptFormat['write'] {
  return (transcript, { subtitles: options = {} } = {}) => {
    checkSubtitleOptions(options, transcript);
    return write(transcript, options);
  };
}

function verboseJson(transcript: Transcript, { task = 'transcribe' }: FormatOptions = {}): string {
  const hasWords = transcript.segments.some(({ words }) => words !== undefined);
  const granularities = hasWords ? (['segment', 'word'] as const) : (['segment'] as const);
  return JSON.stringify(transcriptToVerboseJson(transcript, { task, granularities }));
}
