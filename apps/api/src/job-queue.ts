/** The queues of transcription jobs, one a model: the only place that talks BullMQ about them. */

import { randomUUID } from 'node:crypto';
import {
  CodedError,
  fairShareKeys,
  NEXT_TAG_SCRIPT,
  priorityOf,
  REDIS_PREFIX,
  TAGS_PER_CLASS,
  type TranscriptionJob,
  transcriptionQueueName,
  WEBHOOK_QUEUE,
  type WebhookDelivery,
} from '@amanuensis/contract';
import type { Logger } from '@amanuensis/log';
import { FlowProducer, type Job, type JobsOptions, Queue } from 'bullmq';
import { type Redis, ReplyError } from 'ioredis';
import { cancelJob } from './cancel-job.ts';
import { DELIVERY_JOB_OPTIONS } from './webhooks/retry-schedule.ts';

/** For failures of the machinery; a worker ends a job that can never succeed with its first. */
const ATTEMPTS = 3;
const NO_ANSWER = 'The queue does not answer. Try again in a moment.';
const BACKOFF = { type: 'exponential', delay: 1_000, jitter: 0.5 };
/** Events carry references only, and readers are either live or ask for the job itself. */
const STREAMS = { events: { maxLen: 1_000 } };

export interface JobQueueOptions {
  readonly redis: Redis;
  readonly models: readonly string[];
  readonly keepCompletedSeconds: number;
  readonly keepFailedSeconds: number;
  readonly logger: Logger;
}

export interface FoundJob {
  readonly job: Job<TranscriptionJob>;
  /** A state of BullMQ. */
  readonly state: string;
}

export interface QueueCounts {
  readonly waiting: number;
  readonly active: number;
  readonly completed: number;
  readonly failed: number;
}

/** Redis did not answer in time: the job may be in its queue, or be added when Redis goes on. */
export class MaybeEnqueuedError extends CodedError {
  constructor(jobId: string, cause: unknown) {
    const message =
      `The queue did not say whether it took the job ${jobId}. ` +
      `Ask for /v1/transcriptions/${jobId} before you submit the recording again.`;
    super('unavailable', message, { cause });
    this.name = 'MaybeEnqueuedError';
  }
}

/** Every method throws CodedError `unavailable`, soon, while Redis does not answer. */
export class JobQueue {
  readonly #redis: Redis;
  readonly #queues: ReadonlyMap<string, Queue>;
  readonly #webhooks: Queue;
  readonly #flows: FlowProducer;
  readonly #jobOptions: JobsOptions;

  constructor({ redis, models, logger, ...retention }: JobQueueOptions) {
    this.#redis = redis;
    const options = { connection: redis, prefix: REDIS_PREFIX, streams: STREAMS };
    const open = (name: string) => {
      const queue = new Queue(name, options);
      queue.on('error', (error) => logger.debug({ err: error, queue: name }, 'queue error'));
      return queue;
    };
    this.#queues = new Map(models.map((model) => [model, open(transcriptionQueueName(model))]));
    this.#webhooks = open(WEBHOOK_QUEUE);
    this.#flows = new FlowProducer({ connection: redis, prefix: REDIS_PREFIX });
    this.#flows.on('error', (error) => logger.debug({ err: error }, 'flow error'));
    this.#jobOptions = {
      attempts: ATTEMPTS,
      backoff: BACKOFF,
      removeOnComplete: { age: retention.keepCompletedSeconds },
      removeOnFail: { age: retention.keepFailedSeconds },
    };
  }

  /** All queues, for the board. */
  get all(): readonly Queue[] {
    return [...this.#queues.values(), this.#webhooks];
  }

  has(model: string): boolean {
    return this.#queues.has(model);
  }

  /**
   * Adds the job; once resolved it is in Redis. With a `webhookUrl` a delivery is added in the same
   * transaction as its parent: BullMQ makes it due in the very step in which the job completes or
   * finally fails, so no event is lost with a process that would have had to notice.
   *
   * @throws MaybeEnqueuedError when the job may have been added all the same.
   */
  async enqueue(job: TranscriptionJob, webhookUrl?: string): Promise<FoundJob> {
    return this.#answer(async () => {
      try {
        return { job: await this.#add(job, webhookUrl), state: 'waiting' };
      } catch (error) {
        // Only what Redis itself says is certain: a command that got no reply may have run, or may
        // still wait in a socket.
        if (error instanceof CodedError || error instanceof ReplyError) throw error;
        throw new MaybeEnqueuedError(job.id, error);
      }
    });
  }

  /** Looks in the queue of every model, as an id does not tell its model. */
  async find(id: string): Promise<FoundJob | null> {
    return this.#answer(async () => {
      const found = await Promise.all([...this.#queues.values()].map((q) => findIn(q, id)));
      return found.find((job) => job !== null) ?? null;
    });
  }

  /** At once where it waits; soon where it runs. A job that has finished stays as it is. */
  async cancel(job: Job): Promise<void> {
    return this.#answer(() => cancelJob(this.#redis, job));
  }

  /** Jobs of each queue, by its name. */
  async counts(): Promise<Record<string, QueueCounts>> {
    return this.#answer(async () =>
      Object.fromEntries(
        await Promise.all(this.all.map(async (queue) => [queue.name, await countsOf(queue)])),
      ),
    );
  }

  async close(): Promise<void> {
    await Promise.all([...this.all, this.#flows].map((part) => part.close()));
  }

  async #add(job: TranscriptionJob, webhookUrl?: string): Promise<Job<TranscriptionJob>> {
    const { id: jobId, model } = job;
    // BullMQ runs jobs without a priority before all others, so every job has one.
    const priority = await this.#priorityOf(job);
    const opts = { ...this.#jobOptions, jobId, priority };
    const child = { name: 'transcribe', data: job, opts };
    if (webhookUrl === undefined) {
      return this.#queue(model).add(child.name, child.data, child.opts);
    }
    const eventId = `evt_${randomUUID().replaceAll('-', '')}`;
    const delivery: WebhookDelivery = { eventId, jobId, model, url: webhookUrl };
    const queueName = transcriptionQueueName(model);
    const { children } = await this.#flows.add({
      name: 'deliver',
      queueName: WEBHOOK_QUEUE,
      data: delivery,
      opts: { ...DELIVERY_JOB_OPTIONS, jobId: eventId },
      children: [{ ...child, queueName, opts: { ...child.opts, ignoreDependencyOnFailure: true } }],
    });
    const added = children?.[0]?.job;
    if (added === undefined) throw new Error('the flow has no child');
    return added;
  }

  async #priorityOf({ model, tenant, priority }: TranscriptionJob): Promise<number> {
    const queueName = transcriptionQueueName(model);
    const waiting = `${REDIS_PREFIX}:${queueName}:prioritized`;
    const keys = [...fairShareKeys(queueName, priority), waiting];
    const args = [tenant, TAGS_PER_CLASS];
    try {
      const tag = await this.#redis.eval(NEXT_TAG_SCRIPT, keys.length, ...keys, ...args);
      return priorityOf(priority, Number(tag));
    } catch (cause) {
      // Whatever became of the tag, the job was not sent yet.
      throw new CodedError('unavailable', NO_ANSWER, { cause });
    }
  }

  #queue(model: string): Queue {
    const queue = this.#queues.get(model);
    if (queue === undefined) {
      throw new CodedError('unknown_model', `model: there is no model ${model} here.`);
    }
    return queue;
  }

  /** BullMQ waits for a first connection without a limit, hence the look at the status. */
  async #answer<T>(work: () => Promise<T>): Promise<T> {
    if (this.#redis.status !== 'ready') throw new CodedError('unavailable', NO_ANSWER);
    try {
      return await work();
    } catch (error) {
      if (error instanceof CodedError) throw error;
      throw new CodedError('unavailable', NO_ANSWER, { cause: error });
    }
  }
}

/** State and job are two reads: a job that finished between them is read again. */
async function findIn(queue: Queue, id: string): Promise<FoundJob | null> {
  const [state, job] = await Promise.all([queue.getJobState(id), queue.getJob(id)]);
  if (job === undefined) return null;
  if (job.finishedOn === undefined || state === 'completed' || state === 'failed') {
    return state === 'unknown' ? null : { job, state };
  }
  return { job, state: await queue.getJobState(id) };
}

async function countsOf(queue: Queue): Promise<QueueCounts> {
  const counts = await queue.getJobCounts();
  const { waiting = 0, prioritized = 0, delayed = 0, active = 0 } = counts;
  const { completed = 0, failed = 0 } = counts;
  return { waiting: waiting + prioritized + delayed, active, completed, failed };
}
