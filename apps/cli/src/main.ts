#!/usr/bin/env node
/** The command line: what `amanuensis` can do. */

import { ConfigError } from '@amanuensis/config';
import { TRANSCRIPT_FORMAT_NAMES } from '@amanuensis/contract';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { CliError } from './cli-error.ts';
import { demo } from './demo.ts';
import { addModelsCommand } from './models/models-command.ts';
import { transcribe } from './transcribe.ts';
import { up } from './up.ts';

const EXIT_FAILURE = 1;
/** What a shell calls a command that was used wrongly. */
const EXIT_USAGE = 2;

const program = new Command('amanuensis')
  .description('Turns recordings into timed text on your own machines.')
  .exitOverride();

program
  .command('up')
  .description('start the whole system here and keep it running')
  .option('--port <number>', 'port of the API, 0 for a free one (default: 3000)', parsePort)
  .action(up);

program
  .command('transcribe')
  .description('print the transcripts of recordings')
  .argument('<file...>', 'recordings, any format that ffmpeg reads')
  .addOption(
    new Option('--format <format>').choices(TRANSCRIPT_FORMAT_NAMES).default('text' as const),
  )
  .option('--url <url>', 'address of the service', 'http://127.0.0.1:3000')
  .action(transcribe);

addModelsCommand(program);

program
  .command('demo', { hidden: true })
  .description('bring the system up, transcribe the samples, and stop it')
  .action(demo);

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  if (error instanceof ConfigError) {
    process.stderr.write(`${error.message}\n`);
    return EXIT_USAGE;
  }
  const text = error instanceof CliError ? error.message : ((error as Error).stack ?? error);
  process.stderr.write(`${text}\n`);
  return EXIT_FAILURE;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new InvalidArgumentError('A port is a number from 0 to 65535.');
}
