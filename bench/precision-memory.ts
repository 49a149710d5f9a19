/** Memory that belongs to this process alone. */

import { readFileSync } from 'node:fs';

const BYTES_PER_KIB = 1024;

/** In bytes, pages of files left out; as good as it can be told where there is no /proc. */
export function ownBytes(): number {
  try {
    const [, kib] = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    return Number(kib) * BYTES_PER_KIB;
  } catch {
    return process.memoryUsage.rss();
  }
}
