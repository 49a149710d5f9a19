/** Tells of leases that leak, each once. */

import type { Leak } from './leak.ts';
import { ELSEWHERE, type PoolReport } from './pool-report.ts';
import type { SlotTable } from './slot-table.ts';

/** A pool, as far as its leaks show it. */
interface Watched {
  readonly name: string;
  readonly report: PoolReport;
  readonly table: SlotTable;
}

/** The leases of a thread, as far as their leaks concern it. */
export interface TracedLeases {
  readonly owners: readonly (string | undefined)[];
  stackOf(slot: number): string | null;
}

export class LeakWatch {
  readonly #pool: string;
  readonly #report: PoolReport;
  readonly #table: SlotTable;
  readonly #leases: TracedLeases;
  readonly #onLeak: (leak: Leak) => void;

  constructor(
    { name, report, table }: Watched,
    leases: TracedLeases,
    onLeak: (leak: Leak) => void = warn,
  ) {
    this.#pool = name;
    this.#report = report;
    this.#table = table;
    this.#leases = leases;
    this.#onLeak = onLeak;
  }

  /** Looks through the table of slots: nothing has to be done for it at an acquire. */
  look(nowMs: number): void {
    for (const { slot, generation, ageMs } of this.#report.leaks(nowMs)) {
      if (!this.#table.tell(slot, generation)) continue;
      const owner = this.#leases.owners[slot] ?? ELSEWHERE;
      const stack = this.#leases.stackOf(slot);
      this.#onLeak({ pool: this.#pool, slot, owner, ageMs, stack });
    }
  }
}

function warn({ pool, slot, owner, ageMs, stack }: Leak): void {
  const message = `pool ${pool}: ${owner} has held slot ${slot} for ${Math.round(ageMs)} ms`;
  process.emitWarning(message, { type: 'PoolLeakWarning', detail: stack ?? '' });
}
