/** What is told of a lease that leaks. */

/** A lease that was collected without a release, or is older than it may be. */
export interface Leak {
  readonly pool: string;
  readonly slot: number;
  /** Who acquired it; `another thread` where it was not this one. */
  readonly owner: string;
  readonly ageMs: number;
  /** Where it was acquired; null without `traceLeaks`. */
  readonly stack: string | null;
}
