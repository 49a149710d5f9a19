/** All pools of a process under their names, over their slabs. */

import { BufferPool } from './buffer-pool.ts';
import { CoarseClock } from './coarse-clock.ts';
import type { Lease } from './lease.ts';
import {
  bytesNeeded,
  MAIN_SLAB,
  type ManagerConfig,
  type MemoryPlan,
  type PoolsConfig,
  planMemory,
} from './manager-config.ts';
import { claimSlabs } from './manager-slabs.ts';
import { PoolError } from './pool-error.ts';
import type { PoolStats } from './pool-stats.ts';
import type { Slab } from './slab.ts';

const TICK_MS = 20;
const WATCH_MS = 1_000;
const SHUTDOWN_POLL_MS = 5;

type ElementOf<Pools extends PoolsConfig, N extends keyof Pools> = Pools[N]['elementType'];

/** Leases of several pools at once, which end together. */
export type LeasesOf<Pools extends PoolsConfig, Names extends keyof Pools> = {
  readonly [N in Names]: Lease<ElementOf<Pools, N>>;
};

/** How long a shutdown waits for leases. */
export interface ShutdownOptions {
  /** At most so long. */
  readonly deadlineMs: number;
  /** Ends the wait, not the shutdown. */
  readonly signal?: AbortSignal;
}

/** How the pools were when the wait for their leases ended. */
export interface ShutdownReport {
  /** Of each pool, in the order of the configuration. */
  readonly stats: readonly PoolStats[];
  /** Slots that were not released in time. */
  readonly leaks: readonly {
    readonly pool: string;
    readonly slot: number;
    readonly holder: string;
  }[];
}

/** All pools that one configuration names; whoever needs a pool is given it, or the manager. */
export class BufferManager<Pools extends PoolsConfig> implements Disposable {
  /** What its configuration takes. */
  readonly plan: MemoryPlan;
  /** By the names that the configuration gives them. */
  readonly slabs: Readonly<Record<string, Slab>>;
  readonly #pools: ReadonlyMap<string, BufferPool<ElementOf<Pools, keyof Pools>>>;
  readonly #clock: CoarseClock;
  readonly #watch: NodeJS.Timeout;
  #isShutDown = false;

  /**
   * Allocates everything. Construct it in the composition root, once.
   *
   * @param slabs ready ones under their names, instead of new ones.
   * @throws PoolError `invalid_option`, also for a slab that another manager has or that no pool
   *   lies in; `slab_full`. Then all is as it was.
   */
  constructor(config: ManagerConfig<Pools>, slabs: Readonly<Record<string, Slab>> = {}) {
    this.plan = planMemory(config);
    this.slabs = claimSlabs(bytesNeeded(config), slabs);
    // From here on nothing can be refused: all options are checked, all slabs have room.
    const { onLeak, idleMs, tickMs = TICK_MS, watchMs = WATCH_MS } = config;
    this.#clock = new CoarseClock(tickMs);
    const ours = { now: this.#clock.now, ...(onLeak && { onLeak }) };
    this.#pools = new Map(
      Object.entries(config.pools).map(([name, { slab = MAIN_SLAB, ...options }]) => [
        name,
        BufferPool.create({ ...options, ...ours, name, slab: this.slab(slab) }),
      ]),
    );
    this.#watch = setInterval(() => this.#look(idleMs), watchMs);
    this.#watch.unref();
  }

  /** In the order of the configuration. */
  get all(): readonly BufferPool<ElementOf<Pools, keyof Pools>>[] {
    return [...this.#pools.values()];
  }

  /** The pool of that name. @throws PoolError `unknown_pool`; `shut_down`. */
  pool<N extends keyof Pools & string>(name: N): BufferPool<ElementOf<Pools, N>> {
    if (this.#isShutDown) throw new PoolError('shut_down', 'the pools have been shut down');
    const pool = this.#pools.get(name);
    if (pool === undefined) throw new PoolError('unknown_pool', `there is no pool ${name}`);
    return pool as BufferPool<ElementOf<Pools, N>>;
  }

  /** The slab of that name. @throws PoolError `unknown_pool` where nothing lies in one. */
  slab(name: string): Slab {
    const slab = Object.hasOwn(this.slabs, name) ? this.slabs[name] : undefined;
    if (slab === undefined) throw new PoolError('unknown_pool', `there is no slab ${name}`);
    return slab;
  }

  /**
   * Lends a slot of each of these pools, or none of any.
   *
   * @throws PoolExhausted; PoolError `unknown_pool`, `shut_down`.
   */
  acquireAll<N extends keyof Pools & string>(
    owner: string,
    names: readonly N[],
  ): LeasesOf<Pools, N> & Disposable {
    const leases: [N, Lease<ElementOf<Pools, N>>][] = [];
    const releaseAll = (): void => {
      const errors: unknown[] = [];
      for (const [, lease] of leases) {
        try {
          lease.release();
        } catch (error) {
          errors.push(error);
        }
      }
      if (errors.length > 0) throw errors[0];
    };
    try {
      for (const name of names) leases.push([name, this.pool(name).acquire(owner)]);
    } catch (error) {
      releaseAll();
      throw error;
    }
    const byName = Object.fromEntries(leases) as LeasesOf<Pools, N>;
    return { ...byName, [Symbol.dispose]: releaseAll };
  }

  /** Of each pool, in the order of the configuration. */
  stats(): PoolStats[] {
    return this.all.map((pool) => pool.stats());
  }

  /**
   * No more acquires, whoever has a pool; waits for leases, until the deadline or the signal, then
   * says what is left of them, and frees the slots.
   */
  async shutdown({ deadlineMs, signal }: ShutdownOptions): Promise<ShutdownReport> {
    this.#close();
    const endsAtMs = performance.now() + deadlineMs;
    const isOver = (): boolean => signal?.aborted === true || performance.now() >= endsAtMs;
    while (this.all.some((pool) => pool.stats().inUse > 0) && !isOver()) {
      await new Promise((resolve) => setTimeout(resolve, SHUTDOWN_POLL_MS));
    }
    const stats = this.stats();
    const leaks = this.all.flatMap((pool) =>
      pool
        .slots()
        .flatMap(({ slot, holder }) =>
          holder === null ? [] : [{ pool: pool.name, slot, holder }],
        ),
    );
    for (const pool of this.all) pool.clear();
    this[Symbol.dispose]();
    return { stats, leaks };
  }

  /** No more acquires; stops the clock and the watch. */
  [Symbol.dispose](): void {
    this.#close();
    clearInterval(this.#watch);
    this.#clock[Symbol.dispose]();
  }

  #close(): void {
    this.#isShutDown = true;
    for (const pool of this.all) pool.close();
  }

  #look(idleMs: number | undefined): void {
    for (const pool of this.all) {
      pool.reportLeaks();
      if (idleMs !== undefined) pool.reclaimIdle(idleMs);
    }
  }
}
