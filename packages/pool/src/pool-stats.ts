/** How a pool has fared since its start: plain numbers, for logs and metrics. */

export interface PoolStats {
  readonly name: string;
  readonly max: number;
  readonly inUse: number;
  /** Slots that may still be acquired, committed or not. */
  readonly available: number;
  readonly acquires: number;
  readonly releases: number;
  /** Slots that are committed. */
  readonly allocations: number;
  /** Acquires that found a committed slot free. */
  readonly hits: number;
  /** Acquires for which a slot had to be committed. */
  readonly misses: number;
  /** Hits per acquire; 1 before the first. */
  readonly hitRate: number;
  /** The most slots that were leased at once. */
  readonly highWaterMark: number;
  /** Acquires that were refused. */
  readonly exhaustions: number;
  readonly doubleReleases: number;
  readonly bytesCommitted: number;
}
