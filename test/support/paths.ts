/** Where things lie for tests. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');
/** What is made of a model once: tests share it, so that each of them need not make it anew. */
export const CACHE_FOLDER = join(ROOT, '.setup/cache');
export const FIXTURES = join(ROOT, 'test/fixtures');
export const SAMPLES = join(ROOT, 'samples');
export const DEMO_MODEL = join(ROOT, 'models/demo');
export const VAD_MODEL = join(ROOT, 'models/vad');

/** Larger data beside the checkout; what needs it skips, saying so, where it is absent. */
export const SHARED = join(ROOT, '../shared');
export const hasShared = (path: string): boolean => existsSync(join(SHARED, path));
