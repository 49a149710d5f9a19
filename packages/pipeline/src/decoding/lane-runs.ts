/**
 * Runs the decoder for all lanes of a model: steps that are asked for while another run is under
 * way become one run together, whatever windows and recordings they belong to.
 *
 * ```
 * lane 1  ─step─┐         ┌─step─┐
 * lane 2  ─step─┼─ run ──▶┼─step─┼─ run ──▶
 * lane 3        │  step───┘      │
 *               └ the weights are read once for all rows of a run
 * ```
 */

import { abortedError } from '../inference/inference-errors.ts';
import type { Binding, InferenceSession, Tensor } from '../inference/inference-port.ts';
import { AbortWatch } from './abort-watch.ts';
import { type RowLane, RowRun } from './row-run.ts';

export interface DecoderSessions {
  readonly crossAttention: InferenceSession;
  /** Any number of tokens of one lane. */
  readonly sequence: InferenceSession;
  /** One token of each of as many lanes as it has rows. */
  readonly rows: InferenceSession;
}

/** Combinations of lanes whose bindings are kept. */
const MAX_ROW_RUNS = 32;

interface Step {
  readonly lane: RowLane;
  readonly token: number;
  readonly position: number;
  readonly signal: AbortSignal;
  resolve(): void;
  reject(error: unknown): void;
}

export class LaneRuns implements Disposable {
  readonly sessions: DecoderSessions;
  readonly #nRows: number;
  /** [nRows, vocabSize] f32, of the run that ended last: there is one at a time. */
  readonly #logits: Tensor;
  /** By row. */
  readonly #rowLogits: readonly Float32Array[];
  /** The first to run first; each watched until it is settled. */
  readonly #waiting: Step[] = [];
  readonly #watch = new AbortWatch((signal) => this.#abort(signal));
  /** By the lanes of the rows, the least recently used first. */
  readonly #rowRuns = new Map<string, RowRun>();
  readonly #laneNumbers = new Map<RowLane, number>();
  #isRunning = false;
  /** The steps of the run that is under way, and what stops it. */
  #underWay: readonly Step[] = [];
  #stop = new AbortController();

  constructor(sessions: DecoderSessions, vocabSize: number) {
    this.sessions = sessions;
    this.#nRows = sessions.rows.inputs.find(({ name }) => name === 'tokens')?.shape[0] ?? 1;
    const logits = new Float32Array(this.#nRows * vocabSize);
    this.#logits = { data: logits, shape: [this.#nRows, vocabSize] };
    this.#rowLogits = Array.from({ length: this.#nRows }, (_, row) =>
      logits.subarray(row * vocabSize, (row + 1) * vocabSize),
    );
  }

  /** A run that no other lane can join. */
  alone(binding: Binding, signal: AbortSignal): Promise<void> {
    return binding.run({ signal });
  }

  /**
   * A step whose signal fires is never run afterwards, and leaves its lane alone as soon as it
   * rejects: by then the lane may be another recording's.
   *
   * @throws InferenceError `aborted` at once while it waits, and when its run has stopped;
   *   `run_failed` to all lanes of the run.
   */
  step(lane: RowLane, token: number, position: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(abortedError(signal));
    return new Promise((resolve, reject) => {
      this.#watch.watch(signal);
      this.#waiting.push({ lane, token, position, signal, resolve, reject });
      if (!this.#isRunning) this.#runSoon();
    });
  }

  /** After the lanes that were just served had their turn to ask for their next step. */
  #runSoon(): void {
    this.#isRunning = true;
    setImmediate(() => void this.#run());
  }

  async #run(): Promise<void> {
    const steps = this.#waiting.splice(0, this.#nRows);
    const { signal } = this.#stop;
    this.#underWay = steps;
    try {
      if (steps.length > 1) await this.#runTogether(steps, signal);
      else if (steps[0] !== undefined) await runAlone(steps[0], signal);
      for (const step of steps) this.#settle(step);
    } catch (error) {
      for (const step of steps.reverse()) {
        // A step may be run again: it writes the same row of the same caches.
        if (signal.aborted && !step.signal.aborted) this.#waiting.unshift(step);
        else this.#settle(step, error);
      }
    }
    this.#underWay = [];
    if (signal.aborted) this.#stop = new AbortController();
    if (this.#waiting.length > 0) this.#runSoon();
    else this.#isRunning = false;
  }

  /** Who is canceled waits for nobody, and a run that serves others too is soon made again. */
  #abort(signal: AbortSignal): void {
    for (const step of this.#waiting.filter((one) => one.signal === signal)) {
      this.#waiting.splice(this.#waiting.indexOf(step), 1);
      this.#settle(step);
    }
    if (this.#underWay.some((step) => step.signal === signal)) this.#stop.abort();
  }

  #settle({ signal, resolve, reject }: Step, error?: unknown): void {
    this.#watch.unwatch(signal);
    if (signal.aborted) reject(abortedError(signal));
    else if (error === undefined) resolve();
    else reject(error);
  }

  async #runTogether(steps: Step[], signal: AbortSignal): Promise<void> {
    steps.sort((a, b) => this.#numberOf(a.lane) - this.#numberOf(b.lane));
    await this.#rowRunOf(steps).run(steps, signal);
    for (const [row, { lane }] of steps.entries()) {
      const logits = this.#rowLogits[row];
      if (logits !== undefined) lane.logits.set(logits);
    }
  }

  #rowRunOf(steps: readonly Step[]): RowRun {
    let key = '';
    for (const { lane } of steps) key += `${this.#numberOf(lane)}:${this.#numberOf(lane.window)} `;
    let run = this.#rowRuns.get(key);
    this.#rowRuns.delete(key);
    run ??= new RowRun(
      this.sessions.rows,
      steps.map(({ lane }) => lane),
      this.#logits,
    );
    this.#rowRuns.set(key, run);
    if (this.#rowRuns.size > MAX_ROW_RUNS) this.#dropOldest();
    return run;
  }

  #dropOldest(): void {
    for (const [key, run] of this.#rowRuns) {
      run[Symbol.dispose]();
      this.#rowRuns.delete(key);
      return;
    }
  }

  #numberOf(lane: RowLane): number {
    const known = this.#laneNumbers.get(lane) ?? this.#laneNumbers.size;
    this.#laneNumbers.set(lane, known);
    return known;
  }

  [Symbol.dispose](): void {
    for (const run of this.#rowRuns.values()) run[Symbol.dispose]();
    this.#rowRuns.clear();
  }
}

async function runAlone({ lane, token, position }: Step, signal: AbortSignal): Promise<void> {
  await lane.stepBinding(token, position).run({ signal });
}
