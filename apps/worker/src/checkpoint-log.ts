/**
 * What a job has transcribed so far, in Redis: another attempt goes on from there, on whatever
 * machine it runs.
 *
 * A list of parts a job, each with the segments that are new and where to go on after them. Only the
 * attempt that holds the job's lock adds to it, which Redis checks in the same step: one that lost
 * its lock, and another goes on in its place, changes nothing any more.
 */

import { checkpointLogKey, segmentSchema } from '@amanuensis/contract';
import {
  checkpointSchema,
  type TranscribedPart,
  type TranscribeOptions,
} from '@amanuensis/pipeline';
import type { Redis } from 'ioredis';
import { z } from 'zod';

/** A job that no attempt goes on with for so long starts from its begin. */
const TTL_MS = 7 * 24 * 3600 * 1000;

const partSchema = z.object({
  /** What the part was transcribed with; other models and versions cannot go on from it. */
  stamp: z.string(),
  checkpoint: checkpointSchema,
  segments: z.array(segmentSchema),
});

/** KEYS: the job's lock, its list. ARGV: the attempt's token, time to live in ms, parts. */
const APPEND = `
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
  redis.call('RPUSH', KEYS[2], unpack(ARGV, 3))
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
  return 1`;

export interface CheckpointOwner {
  readonly jobId: string;
  /** The queue's key of the job's lock, and what stands there while this attempt holds it. */
  readonly lockKey: string;
  readonly token: string;
  readonly stamp: string;
}

export interface CheckpointObserver {
  /** Another attempt goes on with the job. */
  onLockLost(): void;
  onError(error: unknown): void;
}

export class CheckpointLog {
  readonly #redis: Redis;
  readonly #owner: CheckpointOwner;
  readonly #observer: CheckpointObserver;
  /** Parts that are not in Redis yet, in their order. */
  readonly #unwritten: string[] = [];
  #writing: Promise<void> | null = null;

  constructor(redis: Redis, owner: CheckpointOwner, observer: CheckpointObserver) {
    this.#redis = redis;
    this.#owner = owner;
    this.#observer = observer;
  }

  /** Where the attempts before this one got to; undefined where there is nothing to go on from. */
  async read(): Promise<TranscribeOptions['resumeFrom']> {
    const key = checkpointLogKey(this.#owner.jobId);
    const stored = await this.#redis.lrange(key, 0, -1);
    const parts = stored.map((part) => partSchema.safeParse(JSON.parse(part)));
    const valid = parts.flatMap(({ data }) => (data?.stamp === this.#owner.stamp ? [data] : []));
    const last = valid.at(-1);
    if (last === undefined || valid.length < parts.length) {
      await this.#redis.del(key);
      return undefined;
    }
    return { checkpoint: last.checkpoint, segments: valid.flatMap(({ segments }) => segments) };
  }

  /** Writes soon, in order. What cannot be written now is written with the part after it. */
  append({ checkpoint, segments }: TranscribedPart): void {
    const { stamp } = this.#owner;
    this.#unwritten.push(JSON.stringify({ stamp, checkpoint, segments }));
    this.#writing ??= this.#write().finally(() => {
      this.#writing = null;
    });
  }

  /** Resolves when no write is under way. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  /** The job is done: nobody will go on from here. */
  async remove(): Promise<void> {
    await this.settled();
    await this.#redis.del(checkpointLogKey(this.#owner.jobId)).catch(this.#observer.onError);
  }

  async #write(): Promise<void> {
    const { jobId, lockKey, token } = this.#owner;
    while (this.#unwritten.length > 0) {
      const parts = [...this.#unwritten];
      try {
        const keys = [lockKey, checkpointLogKey(jobId)] as const;
        const held = await this.#redis.eval(APPEND, 2, ...keys, token, TTL_MS, ...parts);
        if (held !== 1) return this.#observer.onLockLost();
        this.#unwritten.splice(0, parts.length);
      } catch (error) {
        return this.#observer.onError(error);
      }
    }
  }
}
