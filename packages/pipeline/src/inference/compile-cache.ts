/**
 * Sessions of graphs that take minutes to compile for a device: compiled once, by one process.
 *
 * ```
 * <folder>/<key>.lock        held by the process that compiles; the others wait for it
 * <folder>/<key>/            what the provider wrote: its own cache, the EP context model
 *              context.onnx  the graph with its compiled parts in it, where the provider writes one
 *              done.json     written last; a folder without it is what a dead process left
 * ```
 */

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type FileLock, lockFile } from './file-lock.ts';
import { messageOf } from './inference-errors.ts';
import type {
  ExecutionProvider,
  InferenceEngine,
  InferenceSession,
  ModelFile,
  ModelGraph,
  SessionOptions,
} from './inference-port.ts';
import { type Placement, placementSchema, readPlacement } from './placement.ts';

/** Name that VitisAI is told for its report by `XLNX_ONNX_EP_REPORT_FILE`. */
export const PLACEMENT_REPORT = 'vitisai_ep_report.json';
const CONTEXT_MODEL = 'context.onnx';
const DONE = 'done.json';
/** Sub-folder of the provider's own cache. */
const PROVIDER_KEY = 'provider';
const PROGRESS_MS = 10_000;

const doneSchema = z.object({ compileMs: z.number(), placement: placementSchema.nullable() });
type Done = z.infer<typeof doneSchema>;

export type CompileProgress =
  | { readonly phase: 'waiting'; readonly ms: number; readonly holderPid: number | null }
  | { readonly phase: 'compiling'; readonly ms: number }
  /** What was compiled earlier cannot be loaded, by a newer driver for instance. */
  | { readonly phase: 'discarded'; readonly reason: string }
  /** The provider's report of its placement cannot be read. */
  | { readonly phase: 'unreported'; readonly reason: string };

export interface CompileOptions {
  /** Of all compiled graphs. */
  readonly folder: string;
  /** Whatever else a compiled graph depends on: the model's weights, driver and firmware. */
  readonly dependsOn: readonly string[];
  readonly signal: AbortSignal;
  /** At the begin of each phase, then every ten seconds. */
  readonly onProgress: (progress: CompileProgress) => void;
}

export interface CompiledSession {
  readonly session: InferenceSession;
  readonly origin: 'compiled' | 'cached';
  /** What compiling took, whenever that was. */
  readonly compileMs: number;
  /** Null where the provider reports none. */
  readonly placement: Placement | null;
}

/**
 * @throws InferenceError of `createSession`; the signal's reason.
 */
export async function openCompiled(
  engine: InferenceEngine,
  model: ModelGraph,
  options: SessionOptions & { readonly executionProvider: ExecutionProvider },
  { folder, dependsOn, signal, onProgress }: CompileOptions,
): Promise<CompiledSession> {
  const key = cacheKey(engine, model, options.executionProvider, dependsOn);
  const entry = new CacheEntry(join(folder, key), engine, model, options);
  await mkdir(folder, { recursive: true });
  using _lock = await waitForLock(join(folder, `${key}.lock`), signal, onProgress);
  const done = await entry.done();
  if (done !== null) {
    try {
      return { session: await entry.load(), origin: 'cached', ...done };
    } catch (error) {
      onProgress({ phase: 'discarded', reason: messageOf(error) });
    }
  }
  return { ...(await entry.compile(onProgress)), origin: 'compiled' };
}

class CacheEntry {
  readonly #folder: string;
  readonly #engine: InferenceEngine;
  readonly #model: ModelGraph;
  readonly #options: SessionOptions;

  constructor(
    folder: string,
    engine: InferenceEngine,
    model: ModelGraph,
    { executionProvider, ...options }: Parameters<typeof openCompiled>[2],
  ) {
    this.#folder = folder;
    this.#engine = engine;
    this.#model = model;
    const { name, options: given } = executionProvider;
    const cache = { cache_dir: folder, cache_key: PROVIDER_KEY };
    this.#options = { ...options, executionProvider: { name, options: { ...given, ...cache } } };
  }

  /** Null where there is nothing, or only half of it. */
  async done(): Promise<Done | null> {
    try {
      return doneSchema.parse(JSON.parse(await readFile(join(this.#folder, DONE), 'utf8')));
    } catch {
      return null;
    }
  }

  load(): Promise<InferenceSession> {
    const file = join(this.#folder, CONTEXT_MODEL);
    // A provider that writes no context model finds its compiled parts in its own cache.
    const model: ModelFile | ModelGraph = existsSync(file) ? { file } : this.#model;
    return this.#engine.createSession(model, this.#options);
  }

  /** The folder keeps its name from the begin: the provider may write down where it lies. */
  async compile(onProgress: CompileOptions['onProgress']) {
    await rm(this.#folder, { recursive: true, force: true });
    await mkdir(this.#folder, { recursive: true });
    const startedAt = performance.now();
    const elapsedMs = () => Math.round(performance.now() - startedAt);
    const tell = () => onProgress({ phase: 'compiling', ms: elapsedMs() });
    tell();
    const timer = setInterval(tell, PROGRESS_MS);
    try {
      const session = await this.#engine.createSession(this.#model, {
        ...this.#options,
        configEntries: {
          ...this.#options.configEntries,
          'ep.context_enable': '1',
          'ep.context_file_path': join(this.#folder, CONTEXT_MODEL),
          // Beside the model, not in it: a protobuf message holds 2 GiB at most.
          'ep.context_embed_mode': '0',
        },
      });
      const done = { compileMs: elapsedMs(), placement: this.#readPlacement(onProgress) };
      try {
        await writeWhole(join(this.#folder, DONE), JSON.stringify(done));
      } catch (error) {
        await session.release();
        throw error;
      }
      return { session, ...done };
    } finally {
      clearInterval(timer);
    }
  }

  #readPlacement(onProgress: CompileOptions['onProgress']): Placement | null {
    const file = [join(this.#folder, PROVIDER_KEY), this.#folder]
      .map((folder) => join(folder, PLACEMENT_REPORT))
      .find((path) => existsSync(path));
    if (file === undefined) return null;
    try {
      return readPlacement(file);
    } catch (error) {
      onProgress({ phase: 'unreported', reason: messageOf(error) });
      return null;
    }
  }
}

function cacheKey(
  { version }: InferenceEngine,
  { bytes }: ModelGraph,
  { name, options }: ExecutionProvider,
  dependsOn: readonly string[],
): string {
  const sorted = Object.entries(options).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(bytes)
    .update(JSON.stringify([version, name, sorted, dependsOn]))
    .digest('hex');
}

async function waitForLock(
  file: string,
  signal: AbortSignal,
  onProgress: CompileOptions['onProgress'],
): Promise<FileLock> {
  let toldMs = Number.NEGATIVE_INFINITY;
  const onWait = (holderPid: number | null, waitedMs: number): void => {
    if (waitedMs - toldMs < PROGRESS_MS) return;
    toldMs = waitedMs;
    onProgress({ phase: 'waiting', ms: Math.round(waitedMs), holderPid });
  };
  return lockFile(file, { signal, onWait });
}

async function writeWhole(file: string, text: string): Promise<void> {
  await writeFile(`${file}.part`, text);
  await rename(`${file}.part`, file);
}
