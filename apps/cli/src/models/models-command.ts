/** `amanuensis models`: what it understands. Each command is loaded when it is asked for. */

import { basename, resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { isModelName } from './model-name.ts';

const REPOSITORY = /^\w[\w.-]{0,95}\/\w[\w.-]{0,95}$/;

export function addModelsCommand(program: Command): void {
  const models = program.command('models').description('fetch and look after models');
  models
    .command('pull')
    .description('fetch a Whisper from a model hub (HF_ENDPOINT, HF_TOKEN), or go on fetching it')
    .argument('<repository>', 'openai/whisper-base for instance', parseRepository)
    .option('--revision <name>', 'branch, tag, commit or refs/pr/NUMBER', 'main')
    .option('--to <folder>', 'the folder that becomes the model', parseFolder)
    .action(async (repository, options) => (await import('./pull.ts')).pull(repository, options));
  models
    .command('list')
    .description('the models on this machine')
    .option('--json', 'print JSON')
    .action(async (options) => (await import('./list.ts')).list(options));
  models
    .command('verify')
    .description('compare every file of the models with its checksum')
    .argument('[model...]', 'names or folders (default: all)')
    .action(async (names) => (await import('./verify.ts')).verify(names));
}

function parseRepository(text: string): string {
  if (REPOSITORY.test(text)) return text;
  throw new InvalidArgumentError('A repository is named like openai/whisper-base.');
}

function parseFolder(text: string): string {
  if (isModelName(basename(resolve(text)))) return text;
  throw new InvalidArgumentError(
    "The folder's name becomes the model's: up to 64 letters, digits, dots, dashes and underscores.",
  );
}
