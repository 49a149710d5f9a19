/** One way in which the text of a window may go on, and how likely it is. */

import type { Lane } from './lane.ts';

export class Hypothesis {
  /** Sampled so far, timestamps included, without the end. */
  readonly tokens: number[];
  /** Log-probability of each. */
  readonly logprobs: number[];
  /** Sum of all log-probabilities, that of the end included once it has been sampled. */
  sumLogprob: number;
  /** Where its caches are; of no use once it is finished. */
  readonly lane: Lane;

  constructor(lane: Lane, from?: Hypothesis) {
    this.lane = lane;
    this.tokens = from === undefined ? [] : [...from.tokens];
    this.logprobs = from === undefined ? [] : [...from.logprobs];
    this.sumLogprob = from?.sumLogprob ?? 0;
  }

  add(token: number, logprob: number): void {
    this.tokens.push(token);
    this.logprobs.push(logprob);
    this.sumLogprob += logprob;
  }

  /** Mean over its tokens and the end (openai/whisper, `DecodingTask.run`). */
  get avgLogprob(): number {
    return this.sumLogprob / (this.tokens.length + 1);
  }
}
