/** Exits 0 when node_modules holds what package-lock.json says: no less, no more, no other. */

import { existsSync, readFileSync } from 'node:fs';

const ROOT = new URL('../', import.meta.url);

const locked = readPackages('package-lock.json');
// npm's own record of what it installed; `npm install --package-lock-only` writes it, too.
const installed = readPackages('node_modules/.package-lock.json');

const wrong = Object.entries(installed).some(
  ([path, { version, integrity }]) =>
    locked[path]?.version !== version ||
    locked[path]?.integrity !== integrity ||
    !existsSync(new URL(path, ROOT)),
);
// Optional packages are those of other platforms.
const missing = Object.entries(locked).some(
  ([path, { optional }]) => path !== '' && !installed[path] && !optional,
);
process.exit(wrong || missing ? 1 : 0);

function readPackages(path) {
  try {
    return JSON.parse(readFileSync(new URL(path, ROOT), 'utf8')).packages;
  } catch {
    process.exit(1);
  }
}
