/**
 * Beam search (openai/whisper, `BeamSearchDecoder`): of all tokens that any hypothesis may go on
 * with, the likeliest texts are kept.
 *
 * ```
 *            ┌─ A a ── A a x ─┐
 *   A ───────┼─ A b     (out) │   a hypothesis with children lends its lane to the first of them;
 *            └─ A c ── A c x  │   the others copy its caches into lanes whose hypotheses went out
 *   B ───────── B d     (out)─┘
 * ```
 */

import { likeliest } from '../kernels/top-k.ts';
import { Hypothesis } from './hypothesis.ts';
import type { HypothesisSearch } from './hypothesis-search.ts';
import type { Lane } from './lane.ts';
import { logNormaliser } from './log-normaliser.ts';

export interface BeamOptions {
  readonly beamSize: number;
  /**
   * The search is over when `beamSize * patience` texts have ended (arXiv:2204.05424). Below 1 the
   * reference fills their number up with texts that have not, and may cut a sentence off; here those
   * that have ended are enough.
   */
  readonly patience: number;
  readonly endOfText: number;
  /** Tokens that were fed before the first one that is sampled. */
  readonly promptLength: number;
  /** Lanes of the beam, `beamSize` of them; made when the first is needed. */
  lane(index: number): Lane;
}

interface Candidate {
  readonly source: Hypothesis;
  readonly token: number;
  readonly logprob: number;
  readonly sumLogprob: number;
}

export class BeamSearch implements HypothesisSearch {
  readonly #options: BeamOptions;
  readonly #maxFinished: number;
  readonly #finished: Hypothesis[] = [];

  constructor(options: BeamOptions) {
    this.#options = options;
    this.#maxFinished = Math.max(1, roundHalfToEven(options.beamSize * options.patience));
  }

  advance(living: readonly Hypothesis[]): readonly Hypothesis[] {
    const { beamSize, endOfText } = this.#options;
    const kept: Candidate[] = [];
    for (const candidate of this.#candidates(living)) {
      if (candidate.token !== endOfText) kept.push(candidate);
      else this.#end(candidate);
      if (kept.length === beamSize) break;
    }
    return this.#finished.length >= this.#maxFinished ? [] : this.#toLanes(kept);
  }

  finish(living: readonly Hypothesis[]): readonly Hypothesis[] {
    const missing = Math.max(0, this.#options.beamSize - this.#finished.length);
    const unended = living.toSorted((a, b) => b.sumLogprob - a.sumLogprob).slice(0, missing);
    return [...this.#finished, ...unended];
  }

  /** The likeliest continuations of each, the likeliest text first. */
  #candidates(living: readonly Hypothesis[]): Candidate[] {
    const candidates: Candidate[] = [];
    for (const source of living) {
      const { logits } = source.lane;
      const total = logNormaliser(logits);
      // A job may suppress so much that nothing is left to go on with: its text ends.
      if (total === -Infinity) this.#finished.push(source);
      for (const token of likeliest(logits, this.#options.beamSize + 1)) {
        const logprob = (logits[token] ?? -Infinity) - total;
        candidates.push({ source, token, logprob, sumLogprob: source.sumLogprob + logprob });
      }
    }
    return candidates.sort((a, b) => b.sumLogprob - a.sumLogprob);
  }

  #end({ source, sumLogprob }: Candidate): void {
    if (this.#finished.length >= this.#maxFinished) return;
    const ended = new Hypothesis(source.lane, source);
    ended.sumLogprob = sumLogprob;
    this.#finished.push(ended);
  }

  /** A source's first child goes on in its lane, further ones in copies of it. */
  #toLanes(candidates: readonly Candidate[]): Hypothesis[] {
    const taken = new Set<Lane>(candidates.map(({ source }) => source.lane));
    const free = this.#freeLanes(taken);
    const isKept = new Set<Lane>();
    return candidates.map(({ source, token, logprob }) => {
      const isFirst = !isKept.has(source.lane);
      isKept.add(source.lane);
      const lane = isFirst ? source.lane : (free.next().value as Lane);
      const nPositions = this.#options.promptLength + source.tokens.length;
      if (!isFirst) lane.copyFrom(source.lane, nPositions);
      const child = new Hypothesis(lane, source);
      child.add(token, logprob);
      return child;
    });
  }

  *#freeLanes(taken: ReadonlySet<Lane>): Generator<Lane, never> {
    for (let index = 0; ; index++) {
      const lane = this.#options.lane(index);
      if (!taken.has(lane)) yield lane;
    }
  }
}

/** As the reference's language rounds. */
function roundHalfToEven(value: number): number {
  const below = Math.floor(value);
  const isHalf = value - below === 0.5;
  return isHalf ? below + (below % 2) : Math.round(value);
}
