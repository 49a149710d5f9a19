/** Takes the jobs of one model from its queue and answers to the queue for each. */

import {
  CodedError,
  type JobProgress,
  type JobResult,
  REDIS_PREFIX,
  transcriptionJobSchema,
  transcriptionQueueName,
} from '@amanuensis/contract';
import type { Logger } from '@amanuensis/log';
import type { TranscribedPart } from '@amanuensis/pipeline';
import { type Job, WaitingError, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { CheckpointLog } from './checkpoint-log.ts';
import { codedFailure, queueError } from './job-failure.ts';
import { type Progressed, ProgressReporter } from './job-progress.ts';
import { type JobResources, processJob } from './process-job.ts';

/** Deaths of its worker that a job survives. */
const MAX_STALLED_COUNT = 2;
/** Starts of a job for whatever reason: retries, deaths, and times it was given back. */
const MAX_STARTED_ATTEMPTS = 10;

type QueueJob = Job<unknown, JobResult>;

export interface JobConsumerOptions extends JobResources {
  readonly redisUrl: string;
  /** Jobs at once: what the pools can bear. */
  readonly concurrency: number;
  readonly lockSeconds: number;
  readonly jobTimeoutSeconds: number;
  readonly log: Logger;
}

export class JobConsumer {
  readonly #options: JobConsumerOptions;
  readonly #worker: Worker<unknown, JobResult>;
  readonly #redis: Redis;
  readonly #giveBack = new AbortController();
  #active = 0;

  /** Begins to take jobs at once. */
  constructor(options: JobConsumerOptions) {
    this.#options = options;
    this.#redis = new Redis(options.redisUrl, { maxRetriesPerRequest: 1 });
    this.#redis.on('error', (err) => options.log.debug({ err }, 'connection of checkpoints'));
    const lockDuration = options.lockSeconds * 1000;
    // Three parameters without defaults: the queue counts them to know that it should pass a signal.
    const process = async (job: QueueJob, token?: string, lost?: AbortSignal) => {
      if (token === undefined || lost === undefined) throw new Error('the queue passed no lock');
      this.#active += 1;
      try {
        return await this.#attempt(job, token, lost);
      } finally {
        this.#active -= 1;
      }
    };
    const queue = transcriptionQueueName(options.device.model.name);
    this.#worker = new Worker<unknown, JobResult>(queue, process, {
      prefix: REDIS_PREFIX,
      connection: { url: options.redisUrl, maxRetriesPerRequest: null },
      name: options.deviceName,
      concurrency: options.concurrency,
      lockDuration,
      stalledInterval: lockDuration / 2,
      maxStalledCount: MAX_STALLED_COUNT,
      maxStartedAttempts: MAX_STARTED_ATTEMPTS,
    });
    this.#worker.on('error', (err) => options.log.error({ err }, 'queue error'));
    this.#worker.on('stalled', (jobId) =>
      options.log.warn({ jobId }, 'job stalled; it goes on here'),
    );
    this.#worker.on('lockRenewalFailed', (ids) => {
      for (const id of ids) this.#worker.cancelJob(id, 'its lock is lost');
    });
  }

  get active(): number {
    return this.#active;
  }

  async ready(): Promise<void> {
    await this.#worker.waitUntilReady();
  }

  /** Takes no more jobs; resolves when those that run are done, or have gone back. */
  async close(): Promise<void> {
    await this.#worker.close();
    this.#redis.disconnect();
  }

  /** Interrupts the jobs that run and puts them back at the head of their queue. */
  giveBack(): void {
    this.#giveBack.abort();
  }

  async #attempt(queueJob: QueueJob, token: string, lost: AbortSignal): Promise<JobResult> {
    const number = queueJob.attemptsStarted;
    const log = this.#options.log.child({ jobId: queueJob.id, attempt: number });
    const deadline = AbortSignal.timeout(this.#options.jobTimeoutSeconds * 1000);
    const fenced = new AbortController();
    const signal = AbortSignal.any([deadline, lost, fenced.signal, this.#giveBack.signal]);
    const checkpoints = this.#checkpoints(queueJob, token, fenced, log);
    const progress = this.#reporter(queueJob, log);
    try {
      const job = transcriptionJobSchema.parse(queueJob.data);
      log.info({ model: job.model, bytes: job.audio.bytes }, 'job starts');
      progress.report({ processedSeconds: 0, durationSeconds: null });
      const resumeFrom = await checkpoints.read();
      if (resumeFrom) log.info({ segments: resumeFrom.segments.length }, 'job goes on');
      const onPart = (part: TranscribedPart) => {
        progress.report(part);
        checkpoints.append(part);
      };
      const attempt = { job, number, signal, log, resumeFrom, onPart };
      const result = await processJob(attempt, this.#options);
      await checkpoints.remove();
      return result;
    } catch (error) {
      if (this.#giveBack.signal.aborted) {
        log.warn('job goes back to its queue');
        await queueJob.moveToWait(token);
        throw new WaitingError();
      }
      if (lost.aborted || fenced.signal.aborted) {
        log.warn('another attempt has the job');
        throw new Error('the lock of the job was lost', { cause: error });
      }
      const failure = deadline.aborted
        ? new CodedError('deadline_exceeded', 'The job took longer than allowed.', { cause: error })
        : codedFailure(error);
      log.warn({ code: failure.code, err: failure.cause ?? failure }, 'attempt failed');
      throw queueError(failure);
    } finally {
      await progress.settled();
      await checkpoints.settled();
    }
  }

  #checkpoints(
    { id: jobId = '' }: QueueJob,
    token: string,
    fenced: AbortController,
    log: Logger,
  ): CheckpointLog {
    const { model } = this.#options.device;
    const lockKey = `${REDIS_PREFIX}:${transcriptionQueueName(model.name)}:${jobId}:lock`;
    const owner = { jobId, lockKey, token, stamp: model.fingerprint };
    return new CheckpointLog(this.#redis, owner, {
      onLockLost: () => fenced.abort(new Error('the lock of the job was lost')),
      onError: (err) => log.warn({ err }, 'checkpoint was not written'),
    });
  }

  #reporter(queueJob: QueueJob, log: Logger): ProgressReporter {
    const write = ({ processedSeconds, durationSeconds }: Progressed) =>
      queueJob.updateProgress({
        processedSeconds,
        durationSeconds,
        device: this.#options.deviceName,
      } satisfies JobProgress);
    return new ProgressReporter(write, (err) => log.warn({ err }, 'progress was not written'));
  }
}
