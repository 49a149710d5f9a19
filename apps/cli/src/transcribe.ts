/** `amanuensis transcribe`: recordings in, transcripts out, through a running service. */

import type { TranscriptFormatName, Transcription } from '@amanuensis/contract';
import { CliError } from './cli-error.ts';
import { showProgress } from './progress.ts';
import { RestClient } from './rest-client.ts';
import { listenForStopSignals } from './stop-signals.ts';

/** Uploads and polls under way at once. */
const FILES_AT_ONCE = 8;
const NO_REASON = { message: 'The job was canceled.' };

export interface TranscribeOptions {
  readonly format: TranscriptFormatName;
  readonly url: string;
}

/**
 * Prints the transcripts in the order of the files, progress to standard error.
 *
 * @throws CliError after the others are printed, where one failed.
 */
export async function transcribe(
  files: readonly string[],
  { format, url }: TranscribeOptions,
): Promise<void> {
  using signals = listenForStopSignals();
  const client = new RestClient(url, signals.stop);
  const outcomes: (Transcription | CliError)[] = [];
  {
    using progress = showProgress(files);
    const remaining = files.entries();
    const takeFiles = async () => {
      for (const [index, file] of remaining) {
        outcomes[index] = await outcomeOf(client, file, (job) => progress.update(file, job));
      }
    };
    await Promise.all(Array.from({ length: FILES_AT_ONCE }, takeFiles));
  }
  signals.stop.throwIfAborted(); // once, not for each file
  const failures: string[] = [];
  for (const [index, outcome] of outcomes.entries()) {
    if (!(outcome instanceof CliError) && outcome.status === 'completed') {
      process.stdout.write(await client.resultText(outcome.id, format));
      continue;
    }
    const { message } = outcome instanceof CliError ? outcome : (outcome.error ?? NO_REASON);
    failures.push(`${files[index]}: ${message}`);
  }
  if (failures.length > 0) throw new CliError(failures.join('\n'));
}

async function outcomeOf(
  client: RestClient,
  file: string,
  onChange: (job: Transcription) => void,
): Promise<Transcription | CliError> {
  try {
    const { id } = await client.submit(file);
    return await client.untilFinished(id, onChange);
  } catch (error) {
    if (error instanceof CliError) return error;
    throw error;
  }
}
