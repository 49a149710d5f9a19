/**
 * A process that loads one ONNX Runtime library, computes a sum with it and tells what it offers.
 *
 * On its own, since a library that does not fit may end the process that loads it.
 */

import { openInferenceEngine } from '@amanuensis/pipeline';

const [, , libraryPath] = process.argv;
try {
  const engine = await openInferenceEngine({
    prefer: 'c-api',
    ...(libraryPath !== undefined && { libraryPath }),
  });
  const { version, providers } = engine;
  process.send?.({ version, providers }, undefined, undefined, () => process.exit(0));
} catch (error) {
  process.send?.({ problem: (error as Error).message }, undefined, undefined, () =>
    process.exit(1),
  );
}
