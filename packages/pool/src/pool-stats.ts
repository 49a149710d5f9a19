/** How a pool has fared since its start: plain numbers and objects, for logs and metrics. */

export interface PoolStats {
  /** Of the pool. */
  readonly name: string;
  /** Slots that there are ever. */
  readonly max: number;
  /** Slots that are leased. */
  readonly inUse: number;
  /** Slots that may still be acquired, committed or not. */
  readonly available: number;
  /** Leases that began. */
  readonly acquires: number;
  /** Leases that ended. */
  readonly releases: number;
  /** Slots that are committed. */
  readonly allocations: number;
  /** Acquires that found a committed slot free. */
  readonly hits: number;
  /** Acquires that found none: a slot had to be committed. */
  readonly misses: number;
  /** Hits per acquire; 1 before the first. */
  readonly hitRate: number;
  /** The most slots that were leased at once. */
  readonly highWaterMark: number;
  /** Acquires that were refused. */
  readonly exhaustions: number;
  /** Releases of leases that were over, refused. */
  readonly doubleReleases: number;
  /** Acquires that had to wait, and for how long. */
  readonly waits: WaitStats;
  /** Leases that were collected without a release, or are older than they may be. */
  readonly leaked: number;
  /** Whether there are any: a pool is not leaking because it is busy. */
  readonly hasLeaks: boolean;
  /** Of all committed slots, with what alignment adds. */
  readonly bytesCommitted: number;
}

/** Waits of `acquireAsync`, those that came to nothing too. */
export interface WaitStats {
  readonly count: number;
  readonly totalMs: number;
  /** Waits of at most `upToMs`, and longer than the bound before; the last has no bound. */
  readonly histogram: readonly { readonly upToMs: number; readonly count: number }[];
}

/**
 * One committed slot. Times count from the `performance.timeOrigin` of the thread that created the
 * pool.
 */
export interface SlotStatus {
  /** Its number. */
  readonly slot: number;
  /** When it was committed. */
  readonly createdAtMs: number;
  /** When it was leased last; null if never. */
  readonly acquiredAtMs: number | null;
  /** How often it was leased. */
  readonly uses: number;
  /** Who holds it; null when nobody does. */
  readonly holder: string | null;
}
