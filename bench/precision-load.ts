/**
 * Loads a model in a process of its own, and tells by JSON how long that took and what it took of
 * memory: `node precision-load.js FOLDER PRECISION [CACHE_FOLDER]`.
 */

import { readFileSync } from 'node:fs';
import { loadWhisper, openInferenceEngine, PRECISIONS } from '@amanuensis/pipeline';

const BYTES_PER_KIB = 1024;

export interface LoadFigures {
  readonly ms: number;
  /** Pages that belong to the process alone, those of files left out. */
  readonly ownBytes: number;
}

const [folder = '', wanted = '', cacheFolder] = process.argv.slice(2);
const precision = PRECISIONS.find((name) => name === wanted) ?? 'float32';
const engine = await openInferenceEngine();
const bytesBefore = ownBytes();
const startMs = performance.now();
const model = await loadWhisper(folder, engine, {
  name: 'base',
  intraOpThreads: 2,
  precision,
  ...(cacheFolder !== undefined && { cacheFolder }),
});
const figures: LoadFigures = {
  ms: performance.now() - startMs,
  ownBytes: ownBytes() - bytesBefore,
};
await model.release();
console.log(JSON.stringify(figures));

/** As good as it can be told where there is no /proc. */
function ownBytes(): number {
  try {
    const [, kib] = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    return Number(kib) * BYTES_PER_KIB;
  } catch {
    return process.memoryUsage.rss();
  }
}
