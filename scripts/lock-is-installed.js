/** Exits 0 when node_modules holds what package-lock.json says: no less, no more, no other. */

import { readFileSync } from 'node:fs';

function readPackages(path) {
  try {
    return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')).packages;
  } catch {
    process.exit(1);
  }
}

const locked = readPackages('../package-lock.json');
// npm's own record of what it installed.
const installed = readPackages('../node_modules/.package-lock.json');

const wrong = Object.entries(installed).some(
  ([path, { version, integrity }]) =>
    locked[path]?.version !== version || locked[path]?.integrity !== integrity,
);
// Optional packages are those of other platforms.
const missing = Object.entries(locked).some(
  ([path, { optional }]) => path !== '' && !installed[path] && !optional,
);
process.exit(wrong || missing ? 1 : 0);
