/** Takes the jobs of one model from its queue and answers to the queue for each. */

import {
  CodedError,
  fairShareKeys,
  type JobProgress,
  type JobResult,
  REDIS_PREFIX,
  START_TAG_SCRIPT,
  type TranscriptionJob,
  tagOf,
  transcriptionJobSchema,
  transcriptionQueueName,
} from '@amanuensis/contract';
import type { Logger } from '@amanuensis/log';
import type { TranscribedPart } from '@amanuensis/pipeline';
import { type Job, WaitingError, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { AttemptStop, GivenBack, LockLost } from './attempt-stop.ts';
import type { Cancellations } from './cancellations.ts';
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
  readonly cancellations: Cancellations;
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
    const { id: jobId = '', attemptsStarted: number } = queueJob;
    const log = this.#options.log.child({ jobId, attempt: number });
    using stop = new AttemptStop();
    const { signal } = stop;
    const checkpoints = this.#checkpoints(jobId, token, stop, log);
    const progress = this.#reporter(queueJob, log);
    try {
      const job = transcriptionJobSchema.parse(queueJob.data);
      log.info({ model: job.model, bytes: job.audio.bytes }, 'job starts');
      await this.#listen(job, stop, lost);
      await this.#countStart(queueJob);
      progress.report({ processedSeconds: 0, durationSeconds: null });
      const resumeFrom = await checkpoints.read();
      if (resumeFrom) log.info({ segments: resumeFrom.segments.length }, 'job goes on');
      const onPart = (part: TranscribedPart) => {
        progress.report(part);
        checkpoints.append(part);
      };
      signal.throwIfAborted();
      const attempt = { job, number, signal, log, resumeFrom, onPart };
      const result = await processJob(attempt, this.#options);
      signal.throwIfAborted();
      await checkpoints.remove();
      return result;
    } catch (error) {
      const reason: unknown = signal.aborted ? signal.reason : error;
      if (reason instanceof GivenBack) {
        log.warn('job goes back to its queue');
        await queueJob.moveToWait(token);
        throw new WaitingError();
      }
      if (reason instanceof LockLost) {
        log.warn('another attempt has the job');
        throw reason;
      }
      const failure = codedFailure(reason);
      log.warn({ code: failure.code, err: failure.cause ?? failure }, 'attempt failed');
      throw queueError(failure);
    } finally {
      this.#options.cancellations.unwatch(jobId);
      await progress.settled();
      await checkpoints.settled();
    }
  }

  /** So that the next job of a tenant who has few goes before those of one who has many. */
  async #countStart({ opts, queueName }: QueueJob): Promise<void> {
    const share = tagOf(opts.priority ?? 0);
    if (share === null) return;
    const [started] = fairShareKeys(queueName, share.priority);
    await this.#redis.eval(START_TAG_SCRIPT, 1, started, share.tag);
  }

  /** From here on the attempt can be stopped, by whomever it may. */
  async #listen(job: TranscriptionJob, stop: AttemptStop, lost: AbortSignal): Promise<void> {
    const tooLong = () => new CodedError('deadline_exceeded', 'The job took longer than allowed.');
    const tooLate = () => new CodedError('canceled', 'The job was not done by its deadline.');
    const canceled = () => new CodedError('canceled', 'The job was canceled.');
    stop.stopWith(lost, () => new LockLost('the lock of the job was lost'));
    stop.stopWith(this.#giveBack.signal, () => new GivenBack());
    stop.stopAfter(this.#options.jobTimeoutSeconds * 1000, tooLong);
    if (job.cancelAfterMs !== undefined) stop.stopAfter(job.cancelAfterMs - Date.now(), tooLate);
    stop.stopWith(await this.#options.cancellations.watch(job.id), canceled);
  }

  #checkpoints(jobId: string, token: string, stop: AttemptStop, log: Logger): CheckpointLog {
    const { model } = this.#options.device;
    const lockKey = `${REDIS_PREFIX}:${transcriptionQueueName(model.name)}:${jobId}:lock`;
    const owner = { jobId, lockKey, token, stamp: model.fingerprint };
    return new CheckpointLog(this.#redis, owner, {
      onLockLost: () => stop.stop(new LockLost('the lock of the job was lost')),
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
