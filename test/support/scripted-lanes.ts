/** Lanes of a decoder over a hand-made model: what comes next is a function of all that was fed. */

import { transcriptionOptionsSchema } from '@amanuensis/contract';
import type { DecodingRules } from '../../packages/pipeline/src/decoding/decoding-rules.ts';
import type { Lane } from '../../packages/pipeline/src/decoding/lane.ts';
import type { LaneSource } from '../../packages/pipeline/src/hidden-states-to-tokens.ts';

/** Logits after all that was fed, [vocabSize]. */
export type NextLogits = (fed: readonly number[]) => readonly number[];

/** A token that is not possible. */
export const NEVER = -Infinity;

export class ScriptedLane implements Lane {
  readonly logits: Float32Array;
  readonly probeLogits: Float32Array;
  /** What its caches hold. */
  fed: readonly number[] = [];
  nSteps = 0;
  nPrefills = 0;
  readonly #next: NextLogits;

  constructor(next: NextLogits) {
    const { length } = next([0]);
    this.#next = next;
    this.logits = new Float32Array(length);
    this.probeLogits = new Float32Array(length);
  }

  async prefill(tokens: readonly number[], probeIndex: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.nPrefills++;
    this.fed = [...tokens];
    this.probeLogits.set(this.#next(tokens.slice(0, probeIndex + 1)));
    this.logits.set(this.#next(tokens));
  }

  async step(token: number, position: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (position !== this.fed.length) {
      throw new RangeError(`position ${position}, but ${this.fed.length} tokens were fed`);
    }
    this.nSteps++;
    this.fed = [...this.fed, token];
    this.logits.set(this.#next(this.fed));
  }

  copyFrom(other: ScriptedLane, nPositions: number): void {
    if (other === this) throw new RangeError('a lane cannot be copied to itself');
    if (nPositions !== other.fed.length) {
      throw new RangeError(`${nPositions} positions, but ${other.fed.length} tokens were fed`);
    }
    this.fed = other.fed;
  }
}

/** As many lanes of one window as are asked for. */
export class ScriptedLanes implements LaneSource {
  readonly maxLanes: number;
  readonly made: ScriptedLane[] = [];
  readonly #next: NextLogits;

  constructor(next: NextLogits, maxLanes = 5) {
    this.#next = next;
    this.maxLanes = maxLanes;
  }

  lane(index: number): ScriptedLane {
    if (index >= this.maxLanes) throw new RangeError(`there is no lane ${index}`);
    for (let i = this.made.length; i <= index; i++) this.made.push(new ScriptedLane(this.#next));
    return this.made[index] as ScriptedLane;
  }
}

export type RulesParts = Partial<Omit<DecodingRules, 'options'>> & {
  readonly options?: Partial<DecodingRules['options']>;
};

/** Rules without any filter, for a vocabulary that ends with `endOfText`. */
export function tinyRules(
  endOfText: number,
  { options, ...parts }: RulesParts = {},
): DecodingRules {
  return {
    options: { ...transcriptionOptionsSchema.parse({ temperature: 0 }), ...options },
    filters: [],
    endOfText,
    noSpeech: endOfText,
    maxPositions: 448,
    maxTokens: 224,
    maxPromptTokens: 223,
    hotwordTokens: [],
    prefixTokens: [],
    decode: (tokens) => tokens.join(' '),
    ...parts,
  };
}

/** Logits of a random model, always the same after the same tokens: in [-3, 3). */
export function randomModel(seed: number, vocabSize: number): NextLogits {
  return (fed) => {
    let state = seed | 0;
    for (const token of fed) state = Math.imul(state ^ (token + 1), 0x9e3779b1);
    return Array.from({ length: vocabSize }, () => {
      state = Math.imul(state ^ (state >>> 15), 0x85ebca6b) + 0x6d2b79f5;
      const mixed = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
      return (((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32) * 6 - 3;
    });
  };
}
