/** What this process has in memory, as Linux tells it. */

import { readFileSync } from 'node:fs';

const KIB = 1024;

/** Bytes of all pages that are in memory now. */
export function residentBytes(): number {
  return statusBytes('VmRSS');
}

/** Of these, bytes of pages that belong to this process alone and to no file. */
export function ownBytes(): number {
  return statusBytes('RssAnon');
}

function statusBytes(field: string): number {
  const status = readFileSync('/proc/self/status', 'utf8');
  const [, kib] = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status) ?? [];
  if (kib === undefined) throw new Error(`/proc/self/status tells no ${field}`);
  return Number(kib) * KIB;
}
