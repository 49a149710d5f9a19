/** Any sequence of commands leaves a pool as a simple model says. */

import fc from 'fast-check';
import { test } from 'vitest';
import { follow, poolHistories } from '../support/pool-commands.ts';

test('is as the model says after any sequence of commands', () => {
  fc.assert(fc.property(poolHistories, follow), { numRuns: 300 });
});
