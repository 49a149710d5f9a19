/** What this process has in memory, as Linux tells it. */

import { readFileSync } from 'node:fs';

const KIB = 1024;

/** Bytes of all pages that are in memory now. */
export function residentBytes(): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  if (kib === undefined) throw new Error('/proc/self/status tells no VmRSS');
  return Number(kib) * KIB;
}
