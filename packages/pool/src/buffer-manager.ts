/** All pools of a process under their names, over their slabs. */

import { BufferPool } from './buffer-pool.ts';
import { CoarseClock } from './coarse-clock.ts';
import type { Lease } from './lease.ts';
import {
  type ManagerConfig,
  type MemoryPlan,
  type PoolsConfig,
  partsOf,
  planMemory,
} from './manager-config.ts';
import { PoolError } from './pool-error.ts';
import type { PoolStats } from './pool-stats.ts';
import { Slab } from './slab.ts';

const TICK_MS = 20;
const WATCH_MS = 1_000;
const SHUTDOWN_POLL_MS = 5;

type ElementOf<Pools extends PoolsConfig, N extends keyof Pools> = Pools[N]['elementType'];

/** Leases of several pools at once, which end together. */
export type LeasesOf<Pools extends PoolsConfig, Names extends keyof Pools> = {
  readonly [N in Names]: Lease<ElementOf<Pools, N>>;
};

export interface ShutdownReport {
  readonly stats: readonly PoolStats[];
  /** Slots that were not released in time. */
  readonly leaks: readonly {
    readonly pool: string;
    readonly slot: number;
    readonly holder: string;
  }[];
}

export class BufferManager<Pools extends PoolsConfig> implements Disposable {
  readonly plan: MemoryPlan;
  readonly slabs: Readonly<Record<string, Slab>>;
  readonly #pools: ReadonlyMap<string, BufferPool<ElementOf<Pools, keyof Pools>>>;
  readonly #clock: CoarseClock;
  readonly #watch: NodeJS.Timeout;
  #isShutDown = false;

  /**
   * Allocates everything. Construct it in the composition root, once.
   *
   * @param slabs ready ones under their names, instead of new ones.
   * @throws PoolError `invalid_option`, also for a slab that another manager has; `slab_full`.
   */
  constructor(config: ManagerConfig<Pools>, slabs: Readonly<Record<string, Slab>> = {}) {
    this.plan = planMemory(config);
    this.slabs = Object.fromEntries(
      Object.entries(this.plan.slabs).map(([name, bytes]) => [
        name,
        (slabs[name] ?? Slab.allocate(bytes)).claim(),
      ]),
    );
    this.#clock = new CoarseClock(config.tickMs ?? TICK_MS);
    const { now } = this.#clock;
    this.#pools = new Map(
      Object.entries(config.pools).map(([name, pool]) => {
        const { spec, behaviour, slab } = partsOf(name, pool);
        return [name, BufferPool.create({ ...spec, ...behaviour, now, slab: this.slab(slab) })];
      }),
    );
    const { idleMs } = config;
    this.#watch = setInterval(() => {
      if (idleMs !== undefined) for (const pool of this.#pools.values()) pool.reclaimIdle(idleMs);
    }, config.watchMs ?? WATCH_MS);
    this.#watch.unref();
  }

  /** In the order of the configuration. */
  get all(): readonly BufferPool<ElementOf<Pools, keyof Pools>>[] {
    return [...this.#pools.values()];
  }

  /** @throws PoolError `unknown_pool`; `shut_down`. */
  pool<N extends keyof Pools & string>(name: N): BufferPool<ElementOf<Pools, N>> {
    if (this.#isShutDown) throw new PoolError('shut_down', 'the pools have been shut down');
    const pool = this.#pools.get(name);
    if (pool === undefined) throw new PoolError('unknown_pool', `there is no pool ${name}`);
    return pool as BufferPool<ElementOf<Pools, N>>;
  }

  /** @throws PoolError `unknown_pool` where no pool lies in a slab of that name. */
  slab(name: string): Slab {
    const slab = this.slabs[name];
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

  stats(): PoolStats[] {
    return this.all.map((pool) => pool.stats());
  }

  /** No more acquires; waits for leases, then says what is left of them, and frees the slots. */
  async shutdown({ deadlineMs }: { readonly deadlineMs: number }): Promise<ShutdownReport> {
    this.#isShutDown = true;
    const reason = new PoolError('shut_down', 'the pools are being shut down');
    for (const pool of this.all) pool.rejectWaiters(reason);
    const endsAtMs = performance.now() + deadlineMs;
    while (this.all.some((pool) => pool.stats().inUse > 0) && performance.now() < endsAtMs) {
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

  /** Stops the clock and the watch. */
  [Symbol.dispose](): void {
    clearInterval(this.#watch);
    this.#clock[Symbol.dispose]();
  }
}
