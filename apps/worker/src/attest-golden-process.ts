/** A process that makes the golden hidden states of one model and leaves. */

import { goldenHiddenStates, openInferenceEngine } from '@amanuensis/pipeline';
import { writeGolden } from './attest-golden.ts';

// Whoever wants it is gone. Not `exit`, which a native run can hold up.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

const [, , modelFolder = '', file = '', threads = '1'] = process.argv;
try {
  const engine = await openInferenceEngine();
  await writeGolden(file, await goldenHiddenStates(modelFolder, engine, Number(threads)));
  process.exit(0);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`, () => process.exit(1));
}
