/** A process that opens a graph on an execution provider, runs it once and tells its parent of it. */

import { readFileSync } from 'node:fs';
import { openCompiled, openInferenceEngine } from '@amanuensis/pipeline';

const { library, provider, graph, cacheFolder, dependsOn } = JSON.parse(process.argv[2]);
const progress = [];
try {
  const engine = await openInferenceEngine({ prefer: 'c-api', libraryPath: library });
  const { session, ...compiled } = await openCompiled(
    engine,
    { bytes: readFileSync(graph), weightsFolder: '.' },
    { intraOpThreads: 1, executionProvider: provider },
    {
      folder: cacheFolder,
      dependsOn,
      signal: AbortSignal.timeout(60_000),
      onProgress: (step) => progress.push(step),
    },
  );
  const [data, out] = [Float32Array.of(1, 2), new Float32Array(2)];
  const shape = [2];
  await session.bind({ in: { data, shape } }, { out: { data: out, shape } }).run();
  tell({ progress, ...compiled, executionProvider: session.executionProvider, out: [...out] });
} catch ({ code, message }) {
  tell({ progress, error: { code, message } });
}

function tell(message) {
  process.send(message, undefined, undefined, () => process.exit(0));
}
