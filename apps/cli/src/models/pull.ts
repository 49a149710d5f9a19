/** `amanuensis models pull`: a model from the hub, and how to make the worker serve it. */

import { basename, isAbsolute, join, relative, resolve } from 'node:path';
import { ModelError } from '@amanuensis/pipeline/model-folder';
import { stringify } from 'yaml';
import { CliError } from '../cli-error.ts';
import { listenForStopSignals } from '../stop-signals.ts';
import { formatBytes } from './format-bytes.ts';
import { hubOfEnvironment } from './hub.ts';
import { describeLanguages, describeParameters } from './list.ts';
import { pulledModelsFolder } from './model-folders.ts';
import { isModelName } from './model-name.ts';
import { type PulledModel, pullModel } from './pull-model.ts';
import { showPullProgress } from './pull-progress.ts';

export interface PullCommandOptions {
  readonly revision: string;
  /** Folder of the model; below the data folder, under the repository's name, where it is not given. */
  readonly to?: string;
}

/** @throws CliError that says what failed. */
export async function pull(
  repository: string,
  { revision, to }: PullCommandOptions,
): Promise<void> {
  const folder = resolve(to ?? join(pulledModelsFolder(), basename(repository)));
  if (!isModelName(basename(folder))) {
    throw new CliError(
      `${basename(folder)} cannot be the name of a model: choose another with --to.`,
    );
  }
  using signals = listenForStopSignals();
  let pulled: PulledModel;
  try {
    using progress = showPullProgress();
    const hub = hubOfEnvironment(process.env);
    const signal = signals.stop;
    pulled = await pullModel({ repository, revision, folder, hub, progress, signal });
  } catch (error) {
    if (signals.stop.aborted) {
      const message = 'Stopped; the same command goes on where this one stopped.';
      throw new CliError(message, { cause: error });
    }
    throw error instanceof ModelError ? new CliError(error.message, { cause: error }) : error;
  }
  process.stdout.write(describePull(repository, folder, pulled));
}

function describePull(repository: string, folder: string, model: PulledModel): string {
  const { fetchedBytes, bytes, commit } = model;
  const facts = [
    describeParameters(model),
    describeLanguages(model),
    `${formatBytes(bytes)}, ${formatBytes(fetchedBytes)} of them fetched`,
    `commit ${commit.slice(0, 12)}`,
  ];
  const path = asInConfiguration(folder);
  const name = basename(folder);
  const lines = stringify({ api: { models: [name] }, worker: { models: { [name]: path } } });
  return `
${repository} is in ${path}: ${facts.join(' · ')}

To serve it, add to amanuensis.yaml:

${lines}`;
}

/** Relative paths of the configuration start from the working folder. */
function asInConfiguration(folder: string): string {
  const path = relative(process.cwd(), folder);
  return path.startsWith('..') || isAbsolute(path) ? folder : `./${path}`;
}
