/** Which tests run when: small ones side by side, those that start processes one after another. */

import { configDefaults, defineConfig } from 'vitest/config';

const TIMEOUT_MS = 30_000;
const E2E_TIMEOUT_MS = 180_000;
const LONG_TIMEOUT_MS = 30 * 60_000;

const folder = (name: string): string => `test/${name}/**/*.test.ts`;

/** In this order, each when the one before is done: what measures time has the machine alone. */
const projects = [
  { name: 'unit', include: folder('unit'), timeoutMs: TIMEOUT_MS, parallel: true },
  {
    name: 'integration',
    include: 'test/**/*.test.ts',
    exclude: ['unit', 'e2e', 'long'].map(folder),
    timeoutMs: TIMEOUT_MS,
  },
  { name: 'e2e', include: folder('e2e'), timeoutMs: E2E_TIMEOUT_MS },
  // Hours of recordings: not part of `npm test`.
  { name: 'long', include: folder('long'), timeoutMs: LONG_TIMEOUT_MS },
];

export default defineConfig({
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source'] } },
  test: {
    pool: 'forks',
    // What others may build on is held to every line and branch.
    coverage: {
      provider: 'v8',
      include: ['packages/pool/src/**/*.ts'],
      reporter: ['text-summary'],
      thresholds: { lines: 100, branches: 100 },
    },
    projects: projects.map(({ name, include, exclude = [], timeoutMs, parallel }, groupOrder) => ({
      extends: true,
      test: {
        name,
        include: [include],
        exclude: [...configDefaults.exclude, ...exclude],
        testTimeout: timeoutMs,
        hookTimeout: timeoutMs,
        sequence: { groupOrder },
        ...(parallel ? {} : { maxWorkers: 1 }),
      },
    })),
  },
});
