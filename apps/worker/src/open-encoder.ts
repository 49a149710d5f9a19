/** Loads the encoder onto the accelerator of a device, compiled where that is needed. */

import { join } from 'node:path';
import type { Logger } from '@amanuensis/log';
import {
  type CompiledSession,
  type CompileProgress,
  type InferenceEngine,
  type LoadOptions,
  openCompiled,
} from '@amanuensis/pipeline';
import type { WorkerConfig } from './config.ts';
import type { Device } from './device.ts';

export interface EncoderParts {
  readonly device: Device;
  readonly engine: InferenceEngine;
  readonly config: Pick<WorkerConfig, 'cacheFolder'>;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly onCompiling: () => void;
}

export interface EncoderOpener {
  readonly open: NonNullable<LoadOptions['openEncoder']>;
  /** How it was compiled, once it is open; null where it was not. */
  compiled(): Omit<CompiledSession, 'session'> | null;
}

/** Undefined where the encoder runs on the CPU, as the rest of the model does. */
export function encoderOpener(
  model: string,
  { device, engine, config, log, signal, onCompiling }: EncoderParts,
): EncoderOpener | undefined {
  const { accelerator, threads: intraOpThreads } = device;
  if (accelerator === undefined) return undefined;
  const { provider: executionProvider, compiles, dependsOn } = accelerator;
  const options = { intraOpThreads, executionProvider };
  let compiled: Omit<CompiledSession, 'session'> | null = null;
  return {
    compiled: () => compiled,
    open: async (graph, fingerprint) => {
      log.info({ model, executionProvider }, 'encoder is loaded onto the accelerator');
      if (!compiles) return engine.createSession(graph, options);
      let isTold = false;
      const { session, ...rest } = await openCompiled(engine, graph, options, {
        folder: join(config.cacheFolder, 'compiled'),
        dependsOn: [fingerprint, ...dependsOn],
        signal,
        onProgress: (progress) => {
          if (!isTold) onCompiling();
          isTold = true;
          logProgress(log.child({ model }), progress);
        },
      });
      compiled = rest;
      log.info({ model, ...rest }, 'encoder is compiled');
      return session;
    },
  };
}

const PROGRESS = {
  waiting: 'another process compiles the encoder: waits for it',
  compiling: 'encoder is being compiled: this may take a quarter of an hour, once',
  discarded: 'compiled encoder cannot be loaded: compiles it anew',
  unreported: 'report of the placement cannot be read',
} as const satisfies Readonly<Record<CompileProgress['phase'], string>>;

function logProgress(log: Logger, progress: CompileProgress): void {
  const level = 'reason' in progress ? 'warn' : 'info';
  log[level](progress, PROGRESS[progress.phase]);
}
