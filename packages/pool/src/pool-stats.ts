/** How a pool has fared since its start: plain numbers and objects, for logs and metrics. */

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
  /** Acquires that had to wait, and for how long. */
  readonly waits: WaitStats;
  /** Leases that were collected without a release, or are older than they may be. */
  readonly leaked: number;
  readonly hasLeaks: boolean;
  readonly bytesCommitted: number;
}

export interface WaitStats {
  readonly count: number;
  readonly totalMs: number;
  /** Waits of at most `upToMs`, and longer than the bound before; the last has no bound. */
  readonly histogram: readonly { readonly upToMs: number; readonly count: number }[];
}

/** One committed slot. Times are of the pool's clock. */
export interface SlotStatus {
  readonly slot: number;
  readonly createdAtMs: number;
  /** When it was leased last; null if never. */
  readonly acquiredAtMs: number | null;
  /** How often it was leased. */
  readonly uses: number;
  /** Who holds it; null when nobody does. */
  readonly holder: string | null;
}
