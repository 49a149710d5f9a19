/**
 * Fair shares of the queue between tenants, whatever number of jobs each of them has waiting.
 *
 * Start-time fair queueing (Goyal, Vin and Cheng, 1996), on the priorities of BullMQ: each job gets
 * a tag when it is added, one more than the last tag of its tenant, but never less than the tag of
 * the job that was started last. Lower tags go first.
 *
 * ```
 *   tenant A  1 2 3 4 5 6 7 8 9 ... 10,000      added first
 *   tenant B      └─ 3 started ─▶ 4 5           added then: goes next to A's fourth
 * ```
 */

import { PRIORITY_CLASSES, type PriorityClass, REDIS_PREFIX } from './transcription-job.ts';

/** BullMQ's lowest priority is 2^21 - 1; each class has a third of them. */
export const TAGS_PER_CLASS = Math.floor((2 ** 21 - 1) / PRIORITY_CLASSES.length);

/** Keys of the shares of one class of a queue: the tag started last, and the last tag by tenant. */
export function fairShareKeys(
  queueName: string,
  priority: PriorityClass,
): readonly [started: string, tenants: string] {
  const key = `${REDIS_PREFIX}:shares:${queueName}:${priority}`;
  return [`${key}:started`, `${key}:tenants`];
}

/**
 * Answers the tag of a tenant's next job. Counting begins anew once half of the tags are used up
 * and nothing waits; a queue that never runs empty ends with all jobs at the last tag, in the order
 * in which they came.
 * KEYS: started, tenants, the queue's waiting jobs. ARGV: tenant, tags of a class.
 */
export const NEXT_TAG_SCRIPT = `
  local started = tonumber(redis.call('GET', KEYS[1]) or '0')
  if started > ARGV[2] / 2 and redis.call('ZCARD', KEYS[3]) == 0 then
    redis.call('DEL', KEYS[1], KEYS[2])
    started = 0
  end
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', '(' .. started)
  local last = tonumber(redis.call('ZSCORE', KEYS[2], ARGV[1]) or '0')
  local tag = math.min(math.max(started, last) + 1, tonumber(ARGV[2]))
  redis.call('ZADD', KEYS[2], tag, ARGV[1])
  return tag`;

/** Remembers the greatest tag that was started. KEYS: started. ARGV: the tag. */
export const START_TAG_SCRIPT = `
  local started = tonumber(redis.call('GET', KEYS[1]) or '0')
  if tonumber(ARGV[1]) > started then redis.call('SET', KEYS[1], ARGV[1]) end`;

/** BullMQ's priority of a job, 1 being the highest. */
export function priorityOf(priority: PriorityClass, tag: number): number {
  return PRIORITY_CLASSES.indexOf(priority) * TAGS_PER_CLASS + tag;
}

/** Class and tag of a priority; null where it was not given by {@link priorityOf}. */
export function tagOf(
  priority: number,
): { readonly priority: PriorityClass; readonly tag: number } | null {
  const index = Math.floor((priority - 1) / TAGS_PER_CLASS);
  const name = PRIORITY_CLASSES[index];
  return priority < 1 || name === undefined
    ? null
    : { priority: name, tag: priority - index * TAGS_PER_CLASS };
}
